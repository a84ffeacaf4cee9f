/**
 * Which devices have a link, and since when others have none. In memory only: after a restart
 * nothing is known. A lost link proves nothing if the fault may be local: after a start, after this
 * computer has slept, and when all links end together, nothing is marked offline during the grace
 * period.
 */
import { CONNECT_GRACE_MS, OFFLINE_AFTER_MS } from '#shared/domain/defaults.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Clock } from '../../base/context.ts'

/**
 * `connecting`: it may reconnect soon (the controller just started or woke, or the link was lost
 * moments ago).
 */
export type Reachability = 'online' | 'connecting' | 'offline'
export type PresenceTimings = { connectGraceMs: number; offlineAfterMs: number }
export type DevicePresence = {
  reachability: Reachability
  /** Epoch ms from which it counts as offline without a link. */
  offlineAtMs: number
  /**
   * Epoch ms when it was last known to be online: now, while it has a link. Never before the start
   * of the last grace period.
   */
  lastSignMs: number
}
export type Presence = ReturnType<typeof createPresence>

/**
 * This many links lost together suggest a fault of this computer or its network; fewer suggest the
 * PCs.
 */
const TOGETHER = 2

export function createPresence(deps: {
  clock: Pick<Clock, 'awakeMs' | 'wallMs' | 'onChange'>
  timings?: Partial<PresenceTimings>
}) {
  const { clock } = deps
  const { connectGraceMs = CONNECT_GRACE_MS, offlineAfterMs = OFFLINE_AFTER_MS } =
    deps.timings ?? {}
  // All times are from the monotonic clock, which never jumps and does not count sleep.
  let graceSinceMs = clock.awakeMs()
  const online = new Set<DeviceId>()
  /** Devices with a link from this computer itself, which needs no network. */
  const local = new Set<DeviceId>()
  const linkEndedMs = new Map<DeviceId, number>()
  const listeners = new Set<(id: DeviceId) => void>()
  const notify = (id: DeviceId) => listeners.forEach((listener) => listener(id))

  /** Previous knowledge about devices without a link is void from here on. */
  function beginGrace(): void {
    graceSinceMs = clock.awakeMs()
    linkEndedMs.clear()
  }
  clock.onChange(({ resumed }) => {
    if (resumed) beginGrace()
  })

  /**
   * No link to another computer is left, and the last ones ended within the time before a single
   * one counts as missing.
   */
  function areAllGone(): boolean {
    for (const id of online) if (!local.has(id)) return false
    const sinceMs = clock.awakeMs() - offlineAfterMs
    let together = 0
    for (const [id, atMs] of linkEndedMs)
      if (atMs >= sinceMs && (online.size === 0 || !local.has(id))) together++
    return together >= TOGETHER
  }

  return {
    /** @param isLocal the link comes from this computer itself */
    linked(id: DeviceId, isLocal = false): void {
      online.add(id)
      if (isLocal) local.add(id)
      else local.delete(id)
      linkEndedMs.delete(id)
      notify(id)
    },
    unlinked(id: DeviceId): void {
      if (!online.delete(id)) return
      linkEndedMs.set(id, clock.awakeMs())
      if (areAllGone()) beginGrace()
      notify(id)
    },
    /** Nothing is marked offline during the grace period that starts now. */
    beginGrace,
    /** When the last grace period began, by a clock that never jumps. */
    graceSinceMs: (): number => graceSinceMs,
    isOnline: (id: DeviceId): boolean => online.has(id),
    /**
     * All that the engine reads for every device in every run, looked up once. @param nowMs epoch
     * ms, of `clock.wallMs`
     */
    of(id: DeviceId, nowMs: number): DevicePresence {
      if (online.has(id)) return { reachability: 'online', offlineAtMs: nowMs, lastSignMs: nowMs }
      const awakeMs = clock.awakeMs()
      const goneSinceMs = linkEndedMs.get(id) ?? graceSinceMs
      const leftMs = Math.max(graceSinceMs + connectGraceMs, goneSinceMs + offlineAfterMs) - awakeMs
      return {
        reachability: leftMs > 0 ? 'connecting' : 'offline',
        offlineAtMs: nowMs + Math.ceil(leftMs),
        lastSignMs: nowMs - Math.floor(awakeMs - Math.max(goneSinceMs, graceSinceMs)),
      }
    },
    onlineCount: (): number => online.size,
    reachability(id: DeviceId): Reachability {
      return this.of(id, clock.wallMs()).reachability
    },
    /**
     * Called when a device's link starts or ends. Returns the function that removes the listener.
     */
    onChange(listener: (id: DeviceId) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
