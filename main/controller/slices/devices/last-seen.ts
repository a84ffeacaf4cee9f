/**
 * When devices last had a link. Writes are batched, because a power cut ends all links at the same
 * time.
 */
import type { Cancel, Clock } from '#shared/node/clock.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../../base/context.ts'
import { storageFailure } from '../../store/failures.ts'
import type { Store } from '../../store/store.ts'
import type { DevicesRepo } from './devices.repo.ts'

const DELAY_MS = 2_000

export function createLastSeen(deps: { store: Store; repo: DevicesRepo; now: Now; clock: Clock }) {
  const unwritten = new Map<DeviceId, string>()
  let cancelTimer: Cancel | null = null
  let stopped = false

  /** Writes pending values, and retries later if the disk or a locked database refuses them. */
  function write(): void {
    cancelTimer?.()
    cancelTimer = null
    if (unwritten.size === 0) return
    try {
      deps.store.transaction(() => unwritten.forEach((at, id) => deps.repo.touch(id, at)))
      unwritten.clear()
    } catch (error) {
      if (!storageFailure(error)) throw error
      if (!stopped) cancelTimer = deps.clock.setTimer(DELAY_MS, write)
    }
  }

  return {
    /** Its link has just ended. */
    note(id: DeviceId): void {
      unwritten.set(id, isoTime(deps.now()))
      cancelTimer ??= deps.clock.setTimer(DELAY_MS, write)
    },
    /** The value that is not written yet. */
    of: (id: DeviceId): string | undefined => unwritten.get(id),
    /** Writes pending values if possible. */
    stop(): void {
      stopped = true
      write()
    },
  }
}
