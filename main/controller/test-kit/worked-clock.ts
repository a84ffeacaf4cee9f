/**
 * A clock for tests with short timeouts and agents in the same process: it advances only while this process gets to
 * work. A turn of the event loop counts for a few ms at most, so on a machine with too much load the timeouts grow with
 * everything that they limit.
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
