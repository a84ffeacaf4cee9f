/**
 * When devices last had a link. Writes are batched, because a power cut ends all links at the same
 * time.
 */
import type { DeviceId } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../../base/context.ts'
import { storageFailure } from '../../store/failures.ts'
import type { Store } from '../../store/store.ts'
import type { DevicesRepo } from './devices.repo.ts'

const DELAY_MS = 2_000

export function createLastSeen(deps: { store: Store; repo: DevicesRepo; now: Now }) {
  const unwritten = new Map<DeviceId, string>()
  let timer: NodeJS.Timeout | null = null
  let stopped = false

  /** Writes pending values, and retries later if the disk or a locked database refuses them. */
  function write(): void {
    if (timer) clearTimeout(timer)
    timer = null
    if (unwritten.size === 0) return
    try {
      deps.store.transaction(() => unwritten.forEach((at, id) => deps.repo.touch(id, at)))
      unwritten.clear()
    } catch (error) {
      if (!storageFailure(error)) throw error
      if (!stopped) timer = setTimeout(write, DELAY_MS)
    }
  }

  return {
    /** Its link has just ended. */
    note(id: DeviceId): void {
      unwritten.set(id, isoTime(deps.now()))
      timer ??= setTimeout(write, DELAY_MS)
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
