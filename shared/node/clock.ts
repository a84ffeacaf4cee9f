/**
 * The time, as the controller and the agent see it. Their code gets it passed in, so that tests can simulate it.
 */

import { uptime } from 'node:os'

/** Ends what was started. May be called again, and when nothing is left to end. */
export type Cancel = () => void

export type Clock = {
  /** Epoch ms. Jumps when a user or the network corrects the computer's clock. */
  wallMs: () => number
  /** Ms since some moment; never jumps. */
  monotonicMs: () => number
  /** Seconds since this computer started, the same for every process of this boot. Includes sleep. */
  uptimeSeconds: () => number
  /** Calls once after `ms`. Does not keep the process running. */
  setTimer: (ms: number, fn: () => void) => Cancel
  /** Calls again and again, first after `everyMs`. Does not keep the process running. */
  repeat: (everyMs: number, fn: () => void) => Cancel
  /** Calls once in the next turn of the event loop. */
  nextTurn: (fn: () => void) => Cancel
  /**
   * Resolves after `ms`, immediately when the signal fires. Never rejects. Keeps the process running, because someone
   * waits.
   */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** `Clock.sleep` with the timers of a clock. */
export const sleepBy =
  (setTimer: Clock['setTimer']): Clock['sleep'] =>
  (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const end = (): void => {
        cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const cancel = setTimer(Math.max(0, ms), end)
      signal?.addEventListener('abort', end)
    })

/** The computer's own. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  uptimeSeconds: uptime,
  setTimer: (ms, fn) => {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
  repeat: (everyMs, fn) => {
    const timer = setInterval(fn, everyMs)
    timer.unref()
    return () => clearInterval(timer)
  },
  nextTurn: (fn) => {
    const turn = setImmediate(fn)
    return () => clearImmediate(turn)
  },
  sleep: sleepBy((ms, fn) => {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  }),
}
