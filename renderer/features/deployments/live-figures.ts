/** Byte counts of a running deployment: sent and total. Pure. */
import type { Target } from '#shared/contract/rest/deployments.ts'

/** `totalBytes` is null while the size of a pending or running download is unknown. */
export type ByteFigures = { sentBytes: number; totalBytes: number | null }

/**
 * A target that has finished its download counts as sent in full; one that will no longer download does not count.
 * @param sizeOf the size from the library, for a target that has not reported one yet; null: unknown
 */
export function byteFigures(
  targets: Iterable<Target>,
  sizeOf: (target: Target) => number | null,
): ByteFigures {
  let sentBytes = 0
  let totalBytes = 0
  let known = true
  for (const t of targets) {
    const knownSize = t.total_bytes ?? sizeOf(t)
    const size = knownSize ?? 0
    if (
      knownSize === null &&
      (t.deployment_status === 'pending' || t.deployment_status === 'downloading')
    )
      known = false
    switch (t.deployment_status) {
      case 'pending':
        totalBytes += size
        break
      case 'downloading':
        totalBytes += size
        sentBytes += Math.min(t.bytes ?? 0, size)
        break
      case 'installing':
      case 'completed':
        totalBytes += size
        sentBytes += size
        break
      case 'failed':
      case 'skipped':
        break
    }
  }
  return { sentBytes, totalBytes: known ? totalBytes : null }
}

/** The progress of a target's download, 0…1; null outside a download. */
export function downloadFraction(
  t: Pick<Target, 'deployment_status' | 'reason' | 'bytes' | 'total_bytes'>,
): number | null {
  // The download is complete; the reason why the PC waits matters more.
  if (t.reason === 'device_busy') return null
  if (t.deployment_status !== 'downloading' || t.bytes === undefined || !t.total_bytes) return null
  return Math.min(1, t.bytes / t.total_bytes)
}
