/**
 * How often a device may report changes: unpacking and comparing costs more than other messages.
 */
import type { DeviceId } from '#shared/domain/ids.ts'

const BURST = 10
const REFILL_MS = 2_000

/** @param nowOf monotonic milliseconds */
export function createAllowances(nowOf: () => number) {
  const spent = new Map<DeviceId, { used: number; atMs: number }>()
  return {
    /** False: it has reported too much lately. */
    take(id: DeviceId): boolean {
      const nowMs = nowOf()
      const before = spent.get(id) ?? { used: 0, atMs: nowMs }
      const used = Math.max(0, before.used - (nowMs - before.atMs) / REFILL_MS)
      const isAllowed = used + 1 <= BURST
      spent.set(id, { used: isAllowed ? used + 1 : used, atMs: nowMs })
      return isAllowed
    },
  }
}
