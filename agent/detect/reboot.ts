/** Whether this PC waits for a restart. */
import { existsSync } from 'node:fs'
import type { RebootReason } from '#shared/domain/inventory.ts'
import { runCommand } from '../lib/run-command.ts'
import { systemTool } from '../lib/system-tool.ts'

type Trace = { reason: RebootReason; words: string[] }
/** Keys that are there, and a value that is there, only while a restart is owed. */
const WINDOWS_TRACES: Trace[] = [
  {
    reason: 'component_servicing',
    words: [
      'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending',
    ],
  },
  {
    reason: 'windows_update',
    words: [
      'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired',
    ],
  },
  {
    reason: 'file_renames',
    words: [
      'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager',
      '/v',
      'PendingFileRenameOperations',
    ],
  },
]

async function onWindows(): Promise<RebootReason[] | null> {
  const reasons: RebootReason[] = []
  for (const { reason, words } of WINDOWS_TRACES) {
    const { code } = await runCommand(systemTool('reg.exe'), ['query', ...words, '/reg:64'])
    if (code === null) return null
    if (code === 0) reasons.push(reason)
  }
  return reasons
}

/**
 * Why this PC owes a restart: nothing, when it owes none; null where it cannot tell. Debian and its kin leave a file when an
 * update wants one.
 */
export async function rebootReasons(): Promise<RebootReason[] | null> {
  if (process.platform === 'win32') return onWindows()
  if (process.platform !== 'linux' || !existsSync('/etc/debian_version')) return null
  const isOwed = existsSync('/run/reboot-required') || existsSync('/var/run/reboot-required')
  return isOwed ? ['package_update'] : []
}

/** Null where this PC cannot tell. */
export async function rebootPending(): Promise<boolean | null> {
  const reasons = await rebootReasons()
  return reasons === null ? null : reasons.length > 0
}
