/** When this PC is looked at: after each connection, after each attempt, and every hour. One look at a time, and never in a hurry. */
import { uptime } from 'node:os'
import { errorText } from '../lib/atomic-file.ts'
import type { Collect } from './collect.ts'
import { createTeller, type TellerDeps } from './teller.ts'

export type InventoryTimings = {
  /** After a connection … */
  settleMs: number
  /** … and up to so much more by chance, so that an office that comes back does not do so in step. */
  jitterMs: number
  /** The same for a PC that has told nothing yet, or was restarted: somebody has just done that, and looks. */
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

/** A PC that runs no longer than this has come because it was started, not because the hub was. */
const JUST_STARTED_MS = 300_000

export type InventoryWatch = {
  /** @param held the hash that the hub says it holds; null: none; undefined: it keeps no inventories */
  connected: (held: string | null | undefined) => void
  disconnected: () => void
  /** Something may have changed. */
  lookSoon: () => void
}

export function createInventory(
  deps: TellerDeps & {
    collect: Collect
    timings?: Partial<InventoryTimings>
    uptimeMs?: () => number
  },
): InventoryWatch {
  const timings = { ...INVENTORY_TIMINGS, ...deps.timings }
  const uptimeMs = deps.uptimeMs ?? (() => uptime() * 1000)
  const teller = createTeller(deps)
  let timer: NodeJS.Timeout | undefined
  let dueAt = Infinity
  let isLooking = false

  async function look(): Promise<void> {
    isLooking = true
    try {
      const found = await deps.collect(teller.last())
      if (teller.isWanted()) await teller.tell(found)
    } catch (error) {
      deps.log.info({ why: errorText(error) }, 'the inventory was not told')
    } finally {
      isLooking = false
      lookIn(timings.everyMs)
    }
  }

  /** The earliest that is asked for counts. */
  function lookIn(ms: number): void {
    const at = performance.now() + ms
    if (!teller.isWanted() || at >= dueAt) return
    clearTimeout(timer)
    dueAt = at
    timer = setTimeout(() => {
      dueAt = Infinity
      if (isLooking) lookIn(timings.afterAttemptMs)
      else void look()
    }, ms)
  }
  function setHeld(held: string | null | undefined): void {
    clearTimeout(timer)
    dueAt = Infinity
    teller.setHeld(held)
  }

  return {
    connected(held) {
      setHeld(held)
      const isEager = teller.last() === null || uptimeMs() < JUST_STARTED_MS
      lookIn(
        timings.settleMs + Math.random() * (isEager ? timings.eagerJitterMs : timings.jitterMs),
      )
    },
    disconnected: () => setHeld(undefined),
    lookSoon: () => lookIn(timings.afterAttemptMs),
  }
}
