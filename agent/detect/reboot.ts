/** Whether this PC waits for a restart. */
import { existsSync } from 'node:fs'
import { runCommand } from '../lib/run-command.ts'
import { systemTool } from '../lib/system-tool.ts'

/** Keys that are there, and a value that is there, only while a restart is owed. */
const WINDOWS_KEYS = [
  ['HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending'],
  [
    'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired',
  ],
  [
    'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager',
    '/v',
    'PendingFileRenameOperations',
  ],
]

async function onWindows(): Promise<boolean | null> {
  for (const words of WINDOWS_KEYS) {
    const { code } = await runCommand(systemTool('reg.exe'), ['query', ...words, '/reg:64'])
    if (code === 0) return true
    if (code === null) return null
  }
  return false
}

/** Null where this PC cannot tell. Debian and its kin leave a file when an update wants a restart. */
export async function rebootPending(): Promise<boolean | null> {
  if (process.platform === 'win32') return onWindows()
  if (process.platform !== 'linux' || !existsSync('/etc/debian_version')) return null
  return existsSync('/run/reboot-required') || existsSync('/var/run/reboot-required')
}
