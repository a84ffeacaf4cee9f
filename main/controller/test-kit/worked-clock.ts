/**
 * A clock for tests with short timeouts and agents in the same process. It counts only the time in which this process
 * runs: a turn of the event loop counts as 10 ms at most. So on an overloaded machine, timeouts become longer together
 * with the work that they limit.
 */
import { systemClock } from '#shared/node/clock.ts'
import type { ClockSource } from '../base/clock.ts'

const TURN_MS = 5
const LONGEST_TURN_MS = 2 * TURN_MS

export function createWorkedClock(): ClockSource & { stop: () => void } {
  const startMs = Date.now()
  let workedMs = 0
  let lastMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    workedMs += Math.min(nowMs - lastMs, LONGEST_TURN_MS)
    lastMs = nowMs
  }, TURN_MS)
  timer.unref()
  return {
    ...systemClock,
    wallMs: () => startMs + workedMs,
    monotonicMs: () => workedMs,
    stop: () => clearInterval(timer),
  }
}
