/** Whether the conditions of a command allow this PC to start work now. */
import type { WorkConditions } from '#shared/contract/agent/work-conditions.ts'
import type { DeferReason } from '#shared/domain/reasons.ts'
import type { Clock } from '#shared/node/clock.ts'
import { readMetered, type Metered } from './metered.ts'
import { readPower, type Power } from './power.ts'

/**
 * The hub offers deferred work again every 25 s. Each offer is answered with the state that was read for the
 * previous one, if that is newer than this.
 */
const FRESH_MS = 90_000

export type Conditions = {
  /** The reason to defer, checked now; null: none, or unknown. Never rejects. */
  deferReason: (allowed: WorkConditions) => Promise<DeferReason | null>
  /** The reason to defer at the last check, unless that is long ago; starts a new check. */
  lastDeferReason: (allowed: WorkConditions) => DeferReason | null
}

/** @param installRoot a folder to use instead of the PC; then only files in it are read */
export function createConditions(
  installRoot: string | null,
  clock: Pick<Clock, 'monotonicMs'>,
  read: { power: () => Promise<Power>; metered: () => Promise<Metered> } = {
    power: () => readPower(installRoot ?? '/'),
    metered: async () => (installRoot === null ? readMetered() : 'unknown'),
  },
): Conditions {
  const last = { power: 'unknown' as Power, metered: 'unknown' as Metered, atMs: -Infinity }
  let checking: Promise<void> | null = null

  async function checkOnce(allowed: WorkConditions): Promise<void> {
    const [power, metered] = await Promise.all([
      allowed.on_battery ? 'unknown' : read.power().catch(() => 'unknown' as const),
      allowed.on_metered ? 'unknown' : read.metered().catch(() => 'unknown' as const),
    ])
    Object.assign(last, { power, metered, atMs: clock.monotonicMs() })
  }
  const found = (allowed: WorkConditions): DeferReason | null => {
    if (!allowed.on_battery && last.power === 'battery') return 'on_battery'
    return !allowed.on_metered && last.metered === 'metered' ? 'on_metered' : null
  }
  const allowsAll = (allowed: WorkConditions): boolean => allowed.on_battery && allowed.on_metered

  return {
    async deferReason(allowed) {
      if (allowsAll(allowed)) return null
      // An earlier check may be outdated, or may have covered fewer conditions.
      await checking
      await checkOnce(allowed)
      return found(allowed)
    },
    lastDeferReason(allowed) {
      if (allowsAll(allowed)) return null
      checking ??= checkOnce(allowed).finally(() => (checking = null))
      return clock.monotonicMs() - last.atMs < FRESH_MS ? found(allowed) : null
    },
  }
}
