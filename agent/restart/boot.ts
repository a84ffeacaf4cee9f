/** The id of the current boot: it changes with every restart and never repeats. */
import { readFileSync } from 'node:fs'
import { BootId } from '#shared/contract/agent/restart.ts'
import { runCommand } from '../lib/run-command.ts'
import { systemTool } from '../lib/system-tool.ts'
import { windowsHelper } from '../lib/windows-helper.ts'

const COMMAND_TIMEOUT_MS = 10_000
/** The process `System`: it starts first and lives as long as the boot. */
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
 * The number of boots that Windows has counted, and the start time of its first process, to 100 ns. Either
 * one may be unavailable; a query that timed out must not look like another boot, so the result is null then.
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

/** Null if unknown. Never rejects. Does not change while this process runs, so it is read once. */
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
