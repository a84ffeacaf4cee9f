/**
 * Refused requests and sign-ins leave entries as well, but never more than so many: whoever knocks all night must not fill
 * the trail that is kept for ever. What is not written is counted, and the count is written.
 */
import type { Clock } from '../context.ts'

const WINDOW_MS = 10 * 60_000
const PER_ADDRESS = 30
const ALTOGETHER = 300

type Spell = { sinceMs: number; written: number; left: number }

export function createRefusalLimit(deps: {
  clock: Pick<Clock, 'monotonicMs'>
  /** Tells how many were left out from an address; null: from addresses that were too many to be told apart. */
  leftOut: (address: string | null, count: number) => void
}) {
  let spells = new Map<string, Spell>()
  let all: Spell = { sinceMs: deps.clock.monotonicMs(), written: 0, left: 0 }

  /** Ends the present ten minutes: tells what was left out in them. */
  function turn(nowMs: number): void {
    const ended = spells
    const { left } = all
    spells = new Map()
    all = { sinceMs: nowMs, written: 0, left: 0 }
    for (const [address, spell] of ended) if (spell.left > 0) deps.leftOut(address, spell.left)
    if (left > 0) deps.leftOut(null, left)
  }

  return {
    /** Whether one from this address may be written. */
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
    /** One that was to be written could not be. */
    notWritten(address: string): void {
      const spell = spells.get(address)
      if (spell) spell.left++
      else all.left++
    },
    /** Tells what was left out so far: at the end of the controller, and now and then. */
    flush: (): void => turn(deps.clock.monotonicMs()),
  }
}
