/**
 * Which devices have a link right now, and since when one has none. In memory only: a restart knows nobody yet.
 * A link that is gone proves nothing while the fault may be on this side: after a start, after this computer has slept, and
 * when all links are lost together, nobody is called offline for the grace period.
 */
import { CONNECT_GRACE_MS, OFFLINE_AFTER_MS } from '#shared/domain/defaults.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Clock } from '../context.ts'

/** `connecting`: it may be about to come (the controller just started or woke, or the link was lost moments ago). */
export type Reachability = 'online' | 'connecting' | 'offline'
export type PresenceTimings = { connectGraceMs: number; offlineAfterMs: number }
export type DevicePresence = {
  reachability: Reachability
  /** Epoch ms from which it counts as offline, if no link comes. */
  offlineAtMs: number
  /** Epoch ms of the last sign of life: now, while it has a link. Never before the start of the last grace period. */
  lastSignMs: number
}
export type Presence = ReturnType<typeof createPresence>

/** So many links lost together point to this computer or its network, fewer to the PCs. */
const TOGETHER = 2

export function createPresence(deps: {
  clock: Pick<Clock, 'awakeMs' | 'wallMs' | 'onChange'>
  timings?: Partial<PresenceTimings>
}) {
  const { clock } = deps
  const { connectGraceMs = CONNECT_GRACE_MS, offlineAfterMs = OFFLINE_AFTER_MS } =
    deps.timings ?? {}
  // All on the clock that neither jumps nor counts pauses.
  let graceSinceMs = clock.awakeMs()
  const online = new Set<DeviceId>()
  const linkEndedMs = new Map<DeviceId, number>()
  const listeners = new Set<(id: DeviceId) => void>()
  const tell = (id: DeviceId) => listeners.forEach((listener) => listener(id))

  /** What was known of devices without a link says nothing any more. */
  function beginGrace(): void {
    graceSinceMs = clock.awakeMs()
    linkEndedMs.clear()
  }
  clock.onChange(({ resumed }) => {
    if (resumed) beginGrace()
  })

  /** No link is left, and the last ones ended within the time in which a single one is not missed yet. */
  function areAllGone(): boolean {
    if (online.size > 0) return false
    const sinceMs = clock.awakeMs() - offlineAfterMs
    let together = 0
    for (const atMs of linkEndedMs.values()) if (atMs >= sinceMs) together++
    return together >= TOGETHER
  }

  return {
    linked(id: DeviceId): void {
      online.add(id)
      linkEndedMs.delete(id)
      tell(id)
    },
    unlinked(id: DeviceId): void {
      if (!online.delete(id)) return
      linkEndedMs.set(id, clock.awakeMs())
      if (areAllGone()) beginGrace()
      tell(id)
    },
    /** Nobody is called offline for the grace period from now on. */
    beginGrace,
    isOnline: (id: DeviceId): boolean => online.has(id),
    /** All that the engine asks of every device at every run, looked up once. @param nowMs epoch ms, of `clock.wallMs` */
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
    /** Told when a device's link comes or goes. Returns the function that stops it. */
    onChange(listener: (id: DeviceId) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
