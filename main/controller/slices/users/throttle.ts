/**
 * How long a client has to wait before the next sign-in. Counted three ways:
 * - per account and address: slows down only the client that guesses a password;
 * - per address: a client that tries many accounts;
 * - per account, from any address: many machines that guess together. This wait is short, and
 * addresses with a recent successful sign-in to the account are exempt, so that nobody can lock the
 * owner out. No wait is longer than five minutes, a try during a wait does not prolong it, and an
 * hour without tries resets everything. Kept in memory only: a restart resets it too, which an
 * attacker cannot cause. Changes of the system clock do not prolong a wait.
 */
import { foldedName } from '#shared/domain/folding.ts'
import type { Clock } from '../../base/context.ts'

type Rule = { free: number; maxMs: number }
const PAIR: Rule = { free: 5, maxMs: 5 * 60_000 }
const ADDRESS: Rule = { free: 30, maxMs: 5 * 60_000 }
const ACCOUNT: Rule = { free: 50, maxMs: 10_000 }
const FORGET_MS = 60 * 60_000
/** Remembered keys; beyond this, the least recently used ones are dropped. */
const KEYS_LIMIT = 10_000

type Count = { tries: number; lastMs: number; untilMs: number }
export type Throttle = ReturnType<typeof createThrottle>
export type Try = { succeeded: () => void; withdrawn: () => void }

export function createThrottle({ clock }: { clock: Pick<Clock, 'monotonicMs'> }) {
  const counts = new Map<string, Count>()
  /** Accounts and addresses with a successful sign-in, and when. */
  const welcome = new Map<string, number>()

  function fresh(key: string): Count {
    const nowMs = clock.monotonicMs()
    const known = counts.get(key)
    const count =
      known && nowMs - known.lastMs < FORGET_MS ? known : { tries: 0, lastMs: nowMs, untilMs: 0 }
    // Re-inserting keeps the least recently used ones first.
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
     * Counts a try before it is verified, so that many at once count as many.
     * @returns how long to wait instead, in ms; or the try, to report its outcome
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
        /** The password was right: resets the count for this account and address. */
        succeeded(): void {
          withdrawn()
          counts.delete(pairKey)
          welcome.delete(pairKey)
          welcome.set(pairKey, clock.monotonicMs())
          forgetOldest(welcome)
        },
        /** The password could not be verified, so the try does not count. */
        withdrawn,
      }
    },
  }
}
