/** Figures of a running deployment: bytes sent and to send. Pure. */
import type { Target } from '#shared/contract/rest/deployments.ts'

/** `totalBytes` is null while the size of something that is still to be sent is not known. */
export type ByteFigures = { sentBytes: number; totalBytes: number | null }

/**
 * A target past its download counts whole; one that will not be downloaded any more counts not at all.
 * @param sizeOf what the library says about a target that has not told its size yet; null: not known
 */
export function byteFigures(
  targets: Iterable<Target>,
  sizeOf: (target: Target) => number | null,
): ByteFigures {
  let sentBytes = 0
  let totalBytes = 0
  let known = true
  for (const t of targets) {
    const told = t.total_bytes ?? sizeOf(t)
    const size = told ?? 0
    if (
      told === null &&
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

/** How far one target's download is, 0…1, or null where that says nothing. */
export function downloadFraction(
  t: Pick<Target, 'deployment_status' | 'reason' | 'bytes' | 'total_bytes'>,
): number | null {
  // The download has ended; what matters is what the PC waits for.
  if (t.reason === 'device_busy') return null
  if (t.deployment_status !== 'downloading' || t.bytes === undefined || !t.total_bytes) return null
  return Math.min(1, t.bytes / t.total_bytes)
}
