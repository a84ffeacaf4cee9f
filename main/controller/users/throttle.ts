/**
 * How long somebody has to wait before his next try to sign in. Counted three ways:
 * - per account and address: the one who guesses a password is slowed down, and nobody else;
 * - per address: the one who tries many accounts;
 * - per account, whatever the address: many machines that guess together. That wait is short, and addresses from which the
 *   account was signed in to lately are free of it, so that nobody can keep the owner out.
 * No wait is longer than five minutes, a try during a wait does not prolong it, and an hour of rest forgets all. In memory
 * only: a restart forgets as well, which an attacker cannot cause. No wait is longer than it says, whatever becomes of the
 * computer's clock.
 */
import { foldedName } from '#shared/domain/folding.ts'
import type { Clock } from '../context.ts'

type Rule = { free: number; maxMs: number }
const PAIR: Rule = { free: 5, maxMs: 5 * 60_000 }
const ADDRESS: Rule = { free: 30, maxMs: 5 * 60_000 }
const ACCOUNT: Rule = { free: 50, maxMs: 10_000 }
const FORGET_MS = 60 * 60_000
/** Keys remembered; beyond it those that rested longest are forgotten. */
const KEYS_LIMIT = 10_000

type Count = { tries: number; lastMs: number; untilMs: number }
export type Throttle = ReturnType<typeof createThrottle>
export type Try = { succeeded: () => void; withdrawn: () => void }

export function createThrottle({ clock }: { clock: Pick<Clock, 'monotonicMs'> }) {
  const counts = new Map<string, Count>()
  /** Account and address of sign-ins that were right, and when. */
  const welcome = new Map<string, number>()

  function fresh(key: string): Count {
    const nowMs = clock.monotonicMs()
    const known = counts.get(key)
    const count =
      known && nowMs - known.lastMs < FORGET_MS ? known : { tries: 0, lastMs: nowMs, untilMs: 0 }
    // At the end of the line: the first ones are those that rested longest.
    counts.delete(key)
    counts.set(key, count)
    forgetOldest(counts)
    return count
  }
  function forgetOldest(map: Map<string, unknown>): void {
    const [oldest] = map.keys()
    if (map.size > KEYS_LIMIT && oldest !== undefined) map.delete(oldest)
  }
  function add(count: Count, { free, maxMs }: Rule): void {
    const nowMs = clock.monotonicMs()
    count.tries++
    count.lastMs = nowMs
    const over = count.tries - free
    if (over >= 0) count.untilMs = nowMs + Math.min(maxMs, 1_000 * 2 ** Math.min(over, 20))
  }

  return {
    /**
     * Counts a try before it is looked at, so that many at once count as many.
     * @returns how long to wait instead, in ms; or the try, to be told how it went
     */
    begin(account: string, address: string): { waitMs: number } | Try {
      const name = foldedName(account).slice(0, 256)
      const pairKey = `p ${address} ${name}`
      const isWelcome =
        clock.monotonicMs() - (welcome.get(pairKey) ?? -Infinity) < 30 * 24 * 3_600_000
      const rules: [Count, Rule][] = [
        [fresh(pairKey), PAIR],
        [fresh(`a ${address}`), ADDRESS],
      ]
      if (!isWelcome) rules.push([fresh(`n ${name}`), ACCOUNT])
      const waitMs = Math.max(...rules.map(([count]) => count.untilMs)) - clock.monotonicMs()
      if (waitMs > 0) return { waitMs }
      for (const [count, rule] of rules) add(count, rule)
      const withdrawn = (): void => {
        for (const [count] of rules) {
          count.tries = Math.max(0, count.tries - 1)
          count.untilMs = 0
        }
      }
      return {
        /** It was he: what was counted against him at this address is forgotten. */
        succeeded(): void {
          withdrawn()
          counts.delete(pairKey)
          welcome.delete(pairKey)
          welcome.set(pairKey, clock.monotonicMs())
          forgetOldest(welcome)
        },
        /** It could not be looked at: it does not count. */
        withdrawn,
      }
    },
  }
}
