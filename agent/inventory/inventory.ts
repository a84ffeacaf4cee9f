/**
 * When the inventory is collected: after each connection, after each attempt, and every hour. One collection
 * at a time, without haste.
 */
import type { Cancel, Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Collect } from './collect.ts'
import { createInventorySync, type InventorySyncDeps } from './sync.ts'

export type InventoryTimings = {
  /** After a connection … */
  settleMs: number
  /**
   * … plus a random delay up to this, so that the PCs of an office do not report at the same moment after an
   * outage.
   */
  jitterMs: number
  /**
   * The same for a PC that has reported nothing yet, or was restarted: a person has just done that, and is
   * probably watching.
   */
  eagerJitterMs: number
  afterAttemptMs: number
  everyMs: number
}
export const INVENTORY_TIMINGS: InventoryTimings = {
  settleMs: 2_000,
  jitterMs: 60_000,
  eagerJitterMs: 3_000,
  afterAttemptMs: 5_000,
  everyMs: 3_600_000,
}

/** A PC with a shorter uptime has connected because it was started, not because the hub was. */
const JUST_STARTED_MS = 300_000

export type InventoryWatch = {
  /** @param hubHash the hash of the hub's copy; null: none; undefined: the hub keeps no inventories */
  connected: (hubHash: string | null | undefined) => void
  disconnected: () => void
  /** Something may have changed. */
  collectSoon: () => void
}

export function createInventory(
  deps: InventorySyncDeps & {
    collect: Collect
    timings?: Partial<InventoryTimings>
    clock: Clock
    random: Random
  },
): InventoryWatch {
  const { clock } = deps
  const timings = { ...INVENTORY_TIMINGS, ...deps.timings }
  const sync = createInventorySync(deps)
  let cancelTimer: Cancel | undefined
  let dueAt = Infinity
  let isCollecting = false

  async function collectOnce(): Promise<void> {
    isCollecting = true
    try {
      const found = await deps.collect(sync.last())
      if (sync.isEnabled()) await sync.send(found)
    } catch (error) {
      deps.log.info({ why: errorText(error) }, 'the inventory was not reported')
    } finally {
      isCollecting = false
      collectIn(timings.everyMs)
    }
  }

  /** The earliest requested time counts. */
  function collectIn(ms: number): void {
    const at = clock.monotonicMs() + ms
    if (!sync.isEnabled() || at >= dueAt) return
    cancelTimer?.()
    dueAt = at
    cancelTimer = clock.setTimer(ms, () => {
      dueAt = Infinity
      if (isCollecting) collectIn(timings.afterAttemptMs)
      else void collectOnce()
    })
  }
  function setHubHash(hubHash: string | null | undefined): void {
    cancelTimer?.()
    dueAt = Infinity
    sync.setHubHash(hubHash)
  }

  return {
    connected(hubHash) {
      setHubHash(hubHash)
      const isEager = sync.last() === null || clock.uptimeSeconds() * 1000 < JUST_STARTED_MS
      collectIn(
        timings.settleMs +
          deps.random.fraction() * (isEager ? timings.eagerJitterMs : timings.jitterMs),
      )
    },
    disconnected: () => setHubHash(undefined),
    collectSoon: () => collectIn(timings.afterAttemptMs),
  }
}
