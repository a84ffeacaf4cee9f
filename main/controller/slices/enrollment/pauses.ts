/**
 * One try, then a pause: six digits are safe only if nobody can retry until they happen to match.
 * Kept in memory by name (a key, an address), and bounded; above the bound the limit on all tries
 * together still applies.
 */
const MAX_NAMES = 1_024
const HOUR_MS = 3_600_000

export type PauseTimings = {
  /** After the first failure; doubled at each further one. */
  firstMs: number
  longestMs: number
  /** Failures of all names together within an hour; above it everybody waits. */
  perHour: number
}

/** @param nowMs a monotonic clock */
export function createPauses(timings: PauseTimings, nowMs: () => number) {
  const names = new Map<string, { failures: number; untilMs: number }>()
  let recent: number[] = []

  function forgetOld(now: number): void {
    recent = recent.filter((at) => at > now - HOUR_MS)
    // A name without a try for the longest pause starts over.
    for (const [name, { untilMs }] of names)
      if (untilMs + timings.longestMs < now) names.delete(name)
  }

  return {
    /** How long these names have to wait from now; 0: not at all. */
    waitMs(tried: readonly string[]): number {
      const now = nowMs()
      forgetOld(now)
      const oldest = recent.length >= timings.perHour ? recent[0] : undefined
      const all = oldest === undefined ? 0 : oldest + HOUR_MS - now
      return Math.max(0, all, ...tried.map((name) => (names.get(name)?.untilMs ?? 0) - now))
    },
    failed(tried: readonly string[]): void {
      const now = nowMs()
      forgetOld(now)
      recent.push(now)
      for (const name of tried) {
        const failures = (names.get(name)?.failures ?? 0) + 1
        const pauseMs = Math.min(
          timings.longestMs,
          timings.firstMs * 2 ** Math.min(failures - 1, 30),
        )
        // Re-inserting keeps the newest last, so that the oldest is dropped when there are too
        // many.
        names.delete(name)
        names.set(name, { failures, untilMs: now + pauseMs })
      }
      for (const name of names.keys()) {
        if (names.size <= MAX_NAMES) break
        names.delete(name)
      }
    },
    succeeded: (tried: readonly string[]): void => tried.forEach((name) => names.delete(name)),
  }
}
