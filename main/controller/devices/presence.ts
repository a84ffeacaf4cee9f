/** Which devices have a link right now, and since when one has none. In memory only: a restart knows nobody yet. */
import { CONNECT_GRACE_MS, OFFLINE_AFTER_MS } from '#shared/domain/defaults.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Now } from '../context.ts'

/** `connecting`: it may be about to come (the controller just started, or the link was lost moments ago). */
export type Reachability = 'online' | 'connecting' | 'offline'
export type PresenceTimings = { connectGraceMs: number; offlineAfterMs: number }
export type DevicePresence = {
  reachability: Reachability
  /** Epoch ms from which it counts as offline, if no link comes. */
  offlineAtMs: number
  /** Epoch ms of the last sign of life: now, while it has a link. Never before the controller's own start. */
  lastSignMs: number
}
export type Presence = ReturnType<typeof createPresence>

export function createPresence(deps: { now: Now; timings?: Partial<PresenceTimings> }) {
  const { connectGraceMs = CONNECT_GRACE_MS, offlineAfterMs = OFFLINE_AFTER_MS } =
    deps.timings ?? {}
  const startedAtMs = deps.now()
  const online = new Map<DeviceId, { lastSignMs: number }>()
  const linkEndedMs = new Map<DeviceId, number>()
  const listeners = new Set<(id: DeviceId) => void>()
  const tell = (id: DeviceId) => listeners.forEach((listener) => listener(id))

  const goneSinceMs = (id: DeviceId): number => linkEndedMs.get(id) ?? startedAtMs

  return {
    linked(id: DeviceId): void {
      online.set(id, { lastSignMs: deps.now() })
      linkEndedMs.delete(id)
      tell(id)
    },
    unlinked(id: DeviceId): void {
      if (!online.delete(id)) return
      linkEndedMs.set(id, deps.now())
      tell(id)
    },
    isOnline: (id: DeviceId): boolean => online.has(id),
    /** All that the engine asks of every device at every run, looked up once. */
    of(id: DeviceId, nowMs: number): DevicePresence {
      if (online.has(id)) return { reachability: 'online', offlineAtMs: nowMs, lastSignMs: nowMs }
      const lastSignMs = goneSinceMs(id)
      const offlineAtMs = Math.max(startedAtMs + connectGraceMs, lastSignMs + offlineAfterMs)
      const reachability = nowMs < offlineAtMs ? 'connecting' : 'offline'
      return { reachability, offlineAtMs, lastSignMs }
    },
    onlineCount: (): number => online.size,
    reachability(id: DeviceId): Reachability {
      return this.of(id, deps.now()).reachability
    },
    /** Told when a device's link comes or goes. Returns the function that stops it. */
    onChange(listener: (id: DeviceId) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
