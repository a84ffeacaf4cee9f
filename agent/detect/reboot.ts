/** Whether a restart of this PC is pending. */
import { existsSync, statSync } from 'node:fs'
import type { RebootReason } from '#shared/domain/inventory.ts'
import { runCommand } from '../lib/run-command.ts'
import { systemTool } from '../lib/system-tool.ts'

type RegistryMarker = { reason: RebootReason; queryArgs: string[] }
/** Keys, and a value, that exist only while a restart is pending. */
const WINDOWS_MARKERS: RegistryMarker[] = [
  {
    reason: 'component_servicing',
    queryArgs: [
      'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending',
    ],
  },
  {
    reason: 'windows_update',
    queryArgs: [
      'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired',
    ],
  },
  {
    reason: 'file_renames',
    queryArgs: [
      'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager',
      '/v',
      'PendingFileRenameOperations',
    ],
  },
]

async function onWindows(): Promise<RebootReason[] | null> {
  const reasons: RebootReason[] = []
  for (const { reason, queryArgs } of WINDOWS_MARKERS) {
    const { code } = await runCommand(systemTool('reg.exe'), ['query', ...queryArgs, '/reg:64'])
    if (code === null) return null
    if (code === 0) reasons.push(reason)
  }
  return reasons
}

/** Created, or rewritten, by packages of Debian and its derivatives that request a restart. */
const LINUX_MARKERS = ['/run/reboot-required', '/var/run/reboot-required']

/** Why a restart of this PC is pending: empty if none is; null if unknown. */
export async function rebootReasons(): Promise<RebootReason[] | null> {
  if (process.platform === 'win32') return onWindows()
  if (process.platform !== 'linux' || !existsSync('/etc/debian_version')) return null
  return LINUX_MARKERS.some((marker) => existsSync(marker)) ? ['package_update'] : []
}

/** Null if unknown. */
export async function rebootPending(): Promise<boolean | null> {
  const reasons = await rebootReasons()
  return reasons === null ? null : reasons.length > 0
}

/** A snapshot of the markers; '' if there are none. */
export const restartMarkers = (markers: readonly string[] = LINUX_MARKERS): string =>
  process.platform === 'linux'
    ? markers
        .flatMap((marker) => {
          const found = statSync(marker, { bigint: true, throwIfNoEntry: false })
          return found ? [[found.dev, found.ino, found.mtimeNs, found.ctimeNs].join(' ')] : []
        })
        .join('\n')
    : ''

/**
 * Whether a package has requested a restart since the snapshot. Compares for equality, not for time, because
 * clocks change. False if there is no snapshot, and on systems where installers use exit codes instead.
 */
export function restartRequestedSince(
  before: string | undefined,
  markers: readonly string[] = LINUX_MARKERS,
): boolean {
  const now = restartMarkers(markers)
  return before !== undefined && now !== '' && now !== before
}
