/**
 * A clock for tests: the real one, plus changes by the test. Time passes in steps, as a process
 * experiences it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '#shared/node/clock.ts'
import type { ClockSource } from '../base/clock.ts'

const STEP_MS = 1_000
const CHUNK_MS = 15 * 60_000

export type TestClock = ReturnType<typeof createTestClock>

export function createTestClock() {
  let wallSkewMs = 0
  let monotonicSkewMs = 0
  let sleptMs = 0
  const timers = new Set<{ ms: number; dueMs: number; fire: () => void }>()
  const monotonicMs = (): number => performance.now() + monotonicSkewMs
  const fireDue = (): void => {
    for (const timer of [...timers]) if (timer.dueMs <= monotonicMs()) timer.fire()
  }

  const source: ClockSource = {
    ...systemClock,
    wallMs: () => Date.now() + wallSkewMs,
    monotonicMs,
    uptimeMs: () => monotonicMs() + sleptMs,
    setTimer(ms, fn) {
      const entry = {
        ms,
        dueMs: monotonicMs() + ms,
        fire: (): void => {
          cancel()
          fn()
        },
      }
      const timer = setTimeout(() => entry.fire(), ms)
      timer.unref()
      const cancel = (): void => {
        clearTimeout(timer)
        timers.delete(entry)
      }
      timers.add(entry)
      return cancel
    },
  }
  return {
    source,
    wallMs: source.wallMs,
    /** Time passes while the process runs. */
    passes(ms: number): void {
      for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
        const stepMs = Math.min(STEP_MS, leftMs)
        wallSkewMs += stepMs
        monotonicSkewMs += stepMs
        fireDue()
      }
    },
    /** Hours or days. Between the steps the event loop turns, so that nothing in the test's process times out. */
    async passesSlowly(ms: number): Promise<void> {
      for (let leftMs = ms; leftMs > 0; leftMs -= CHUNK_MS) {
        this.passes(Math.min(CHUNK_MS, leftMs))
        await nextTurn()
      }
    },
    /** A user sets the clock. It is detected at the next tick. */
    jumps: (ms: number): void => void (wallSkewMs += ms),
    /** The process is suspended meanwhile. */
    stops(ms: number): void {
      wallSkewMs += ms
      monotonicSkewMs += ms
    },
    /** The computer sleeps, as on Linux: the monotonic clock stands still. */
    sleeps(ms: number): void {
      wallSkewMs += ms
      sleptMs += ms
    },
    /** Runs what is due within a second, including the clock's own tick. */
    tick: (): void => {
      for (const timer of [...timers]) if (timer.ms <= STEP_MS) timer.fire()
    },
  }
}
