/** Whether this PC waits for a restart. */
import { existsSync, statSync } from 'node:fs'
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

/** Left, and written anew, by packages of Debian and its kin that want a restart. */
const LINUX_MARKS = ['/run/reboot-required', '/var/run/reboot-required']

/**
 * Why this PC owes a restart: nothing, when it owes none; null where it cannot tell.
 */
export async function rebootReasons(): Promise<RebootReason[] | null> {
  if (process.platform === 'win32') return onWindows()
  if (process.platform !== 'linux' || !existsSync('/etc/debian_version')) return null
  return LINUX_MARKS.some((mark) => existsSync(mark)) ? ['package_update'] : []
}

/** Null where this PC cannot tell. */
export async function rebootPending(): Promise<boolean | null> {
  const reasons = await rebootReasons()
  return reasons === null ? null : reasons.length > 0
}

/** What can be seen of the marks at one moment; '' where there are none. */
export const restartMarks = (marks: readonly string[] = LINUX_MARKS): string =>
  process.platform === 'linux'
    ? marks
        .flatMap((mark) => {
          const found = statSync(mark, { bigint: true, throwIfNoEntry: false })
          return found ? [[found.dev, found.ino, found.mtimeNs, found.ctimeNs].join(' ')] : []
        })
        .join('\n')
    : ''

/**
 * Whether a package has asked for a restart since the marks looked like that. Compared for being the same, not for being later:
 * clocks are set. Where that was not noted, and where installers tell it by their exit code instead: false.
 */
export function restartAskedSince(
  before: string | undefined,
  marks: readonly string[] = LINUX_MARKS,
): boolean {
  const now = restartMarks(marks)
  return before !== undefined && now !== '' && now !== before
}
