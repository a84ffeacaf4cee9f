/** Stalls of the event loop: how long a task that is due has to wait. */
import { performance } from 'node:perf_hooks'

const EVERY_MS = 1

export type Stalls = { longestMs: number; p99Ms: number }

/** Watches until the returned function is called, which returns the figures. */
export function watchStalls(): () => Stalls {
  const gaps: number[] = []
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    gaps.push(Math.max(0, now - last - EVERY_MS))
    last = now
  }, EVERY_MS)
  return () => {
    clearInterval(timer)
    gaps.push(Math.max(0, performance.now() - last - EVERY_MS))
    gaps.sort((a, b) => a - b)
    return { longestMs: gaps.at(-1)!, p99Ms: gaps[Math.floor(gaps.length * 0.99)]! }
  }
}
