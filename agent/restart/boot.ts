/** Which boot this PC runs in: a name that is another one after every restart, and never comes back. */
import { readFileSync } from 'node:fs'
import { BootId } from '#shared/contract/agent-restart.ts'
import { runCommand } from '../lib/run-command.ts'
import { systemTool } from '../lib/system-tool.ts'
import { windowsHelper } from '../lib/windows-helper.ts'

const COMMAND_TIMEOUT_MS = 10_000
/** The process `System`: it is the first and lives as long as the boot. */
const SYSTEM_PROCESS = '4'
const PREFETCH =
  'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management\\PrefetchParameters'

function onLinux(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return null
  }
}

async function onMacos(): Promise<string | null> {
  const { code, stdout } = await runCommand(
    '/usr/sbin/sysctl',
    ['-n', 'kern.bootsessionuuid'],
    COMMAND_TIMEOUT_MS,
  )
  return code === 0 ? stdout.trim() : null
}

/**
 * How many boots Windows has counted, and when its first process started, to 100 ns. Neither alone is always told; what was
 * not answered in time must not look like another boot, so then nothing is known.
 */
async function onWindows(): Promise<string | null> {
  const helper = windowsHelper()
  const counted = await runCommand(
    systemTool('reg.exe'),
    ['query', PREFETCH, '/v', 'BootId'],
    COMMAND_TIMEOUT_MS,
  )
  if (counted.code === null) return null
  const count = /BootId\s{1,20}REG_DWORD\s{1,20}0x([0-9a-f]+)/i.exec(counted.stdout)?.[1]
  let start: string | undefined
  if (helper !== null) {
    const started = await runCommand(helper, ['started', SYSTEM_PROCESS], COMMAND_TIMEOUT_MS)
    if (started.code === null) return null
    start = /^\d+/.exec(started.stdout)?.[0]
  }
  return count === undefined && start === undefined ? null : `${count ?? '-'}/${start ?? '-'}`
}

/** Null where it cannot be told. Never rejects. Does not change while this process runs, so it is asked for once. */
export async function readBootId(): Promise<BootId | null> {
  const name =
    process.platform === 'win32'
      ? await onWindows()
      : process.platform === 'darwin'
        ? await onMacos()
        : onLinux()
  const parsed = BootId.safeParse(name)
  return parsed.success ? parsed.data : null
}
