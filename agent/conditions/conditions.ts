/** Whether this PC may work now, under the conditions of a command. */
import type { WorkConditions } from '#shared/contract/work-conditions.ts'
import type { HeldBy } from '#shared/domain/reasons.ts'
import { readMetered, type Metered } from './metered.ts'
import { readPower, type Power } from './power.ts'

/** The hub asks again every half minute: what was seen at one question answers the next. */
const FRESH_MS = 90_000

export type Conditions = {
  /** What holds it back, looked at now; null: nothing, as far as can be told. Never rejects. */
  heldBy: (allowed: WorkConditions) => Promise<HeldBy | null>
  /** What held it back when somebody looked last, unless that is long ago; looks again meanwhile. */
  lastHeldBy: (allowed: WorkConditions) => HeldBy | null
}

/** @param installRoot a folder that stands for the PC: then only what lies in it is looked at */
export function createConditions(
  installRoot: string | null,
  read: { power: () => Promise<Power>; metered: () => Promise<Metered> } = {
    power: () => readPower(installRoot ?? '/'),
    metered: async () => (installRoot === null ? readMetered() : 'unknown'),
  },
): Conditions {
  const last = { power: 'unknown' as Power, metered: 'unknown' as Metered, atMs: -Infinity }
  let looking: Promise<void> | null = null

  async function lookOnce(allowed: WorkConditions): Promise<void> {
    const [power, metered] = await Promise.all([
      allowed.on_battery ? 'unknown' : read.power().catch(() => 'unknown' as const),
      allowed.on_metered ? 'unknown' : read.metered().catch(() => 'unknown' as const),
    ])
    Object.assign(last, { power, metered, atMs: performance.now() })
  }
  const found = (allowed: WorkConditions): HeldBy | null => {
    if (!allowed.on_battery && last.power === 'battery') return 'on_battery'
    return !allowed.on_metered && last.metered === 'metered' ? 'on_metered' : null
  }
  const allowsAll = (allowed: WorkConditions): boolean => allowed.on_battery && allowed.on_metered

  return {
    async heldBy(allowed) {
      if (allowsAll(allowed)) return null
      // One that began earlier may have seen what is not so any more, or looked for less.
      await looking
      await lookOnce(allowed)
      return found(allowed)
    },
    lastHeldBy(allowed) {
      if (allowsAll(allowed)) return null
      looking ??= lookOnce(allowed).finally(() => (looking = null))
      return performance.now() - last.atMs < FRESH_MS ? found(allowed) : null
    },
  }
}
