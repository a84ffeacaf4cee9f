/**
 * Refused requests and sign-ins are recorded as well, up to a limit: a client that tries all night
 * must not fill a log that is kept forever. Skipped ones are counted, and the count is recorded.
 */
import type { Clock } from '../../base/context.ts'

const WINDOW_MS = 10 * 60_000
const PER_ADDRESS = 30
const ALTOGETHER = 300

type Spell = { sinceMs: number; written: number; left: number }

export function createRefusalLimit(deps: {
  clock: Pick<Clock, 'monotonicMs'>
  /**
   * Reports how many were skipped from an address; null: from more addresses than are counted
   * separately.
   */
  leftOut: (address: string | null, count: number) => void
}) {
  let spells = new Map<string, Spell>()
  let all: Spell = { sinceMs: deps.clock.monotonicMs(), written: 0, left: 0 }

  /** Ends the current ten minutes and reports what was skipped. */
  function turn(nowMs: number): void {
    const ended = spells
    const { left } = all
    spells = new Map()
    all = { sinceMs: nowMs, written: 0, left: 0 }
    for (const [address, spell] of ended) if (spell.left > 0) deps.leftOut(address, spell.left)
    if (left > 0) deps.leftOut(null, left)
  }

  return {
    /** Whether a refusal from this address may be recorded. */
    mayWrite(address: string): boolean {
      const nowMs = deps.clock.monotonicMs()
      if (nowMs - all.sinceMs >= WINDOW_MS) turn(nowMs)
      const known = spells.get(address)
      if (!known && all.written >= ALTOGETHER) {
        all.left++
        return false
      }
      const spell = known ?? { sinceMs: nowMs, written: 0, left: 0 }
      if (!known) spells.set(address, spell)
      if (spell.written >= PER_ADDRESS || all.written >= ALTOGETHER) {
        spell.left++
        return false
      }
      spell.written++
      all.written++
      return true
    },
    /** A refusal that should have been recorded could not be. */
    notWritten(address: string): void {
      const spell = spells.get(address)
      if (spell) spell.left++
      else all.left++
    },
    /** Reports the refusals skipped so far: at regular intervals and when the controller stops. */
    flush: (): void => turn(deps.clock.monotonicMs()),
  }
}
