/** Counts requests per address, on a monotonic clock: the library's own store uses the computer's clock. */
import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'

/** Addresses remembered per route; beyond it, the ones with the oldest first request are dropped. */
const ADDRESSES_LIMIT = 5_000

type Window = { startedMs: number; current: number }

/** @param nowMs a monotonic clock */
export function addressCounts(nowMs: () => number): FastifyRateLimitStoreCtor {
  return class AddressCounts implements FastifyRateLimitStore {
    readonly #windows = new Map<string, Window>()

    incr(
      key: string,
      done: (error: Error | null, result?: { current: number; ttl: number }) => void,
      windowMs: number,
    ): void {
      const now = nowMs()
      let window = this.#windows.get(key)
      if (!window || now - window.startedMs >= windowMs) {
        window = { startedMs: now, current: 0 }
        this.#windows.delete(key)
        this.#windows.set(key, window)
        const [oldest] = this.#windows.keys()
        if (this.#windows.size > ADDRESSES_LIMIT && oldest !== undefined)
          this.#windows.delete(oldest)
      }
      window.current++
      done(null, { current: window.current, ttl: window.startedMs + windowMs - now })
    }
    child(): FastifyRateLimitStore {
      return new AddressCounts()
    }
  }
}
