/**
 * The controller's time. Waits within one run use a monotonic clock. Displayed and stored times
 * follow the system clock, but only at a tick: everyone with a stored deadline shifts it at that
 * moment, so a deadline is never compared with a time from before or after a jump.
 */
import { uptime } from 'node:os'
import { systemClock, type Clock as PlainClock } from '#shared/node/clock.ts'

/** The computer's clocks; on Linux `monotonicMs` stands still while it sleeps. Tests provide their own. */
export type ClockSource = PlainClock & {
  /** Ms since the computer started, including sleep. Omitted if `monotonicMs` includes sleep. */
  uptimeMs?: () => number
}
export type ClockChange = {
  /**
   * How far the displayed time has advanced more than the time in which the controller ran.
   * Negative: the clock was set back.
   */
  shiftMs: number
  /** The part of `shiftMs` that elapsed time does not explain: the clock was set. */
  jumpMs: number
  /** The controller may have been suspended, or asleep: links may have ended unnoticed. */
  resumed: boolean
}
export type Clock = PlainClock & {
  /** Monotonic ms since some moment, including sleep. For throttles: it is real time. */
  monotonicMs: () => number
  /** Epoch ms, an integer. For display, for the store, and for comparisons across restarts. */
  wallMs: () => number
  /**
   * Ms in which the controller was running: excludes clock jumps and suspensions of the process.
   */
  awakeMs: () => number
  /**
   * Called at each jump and after each suspension, before any time that includes it is read.
   * Returns the function that removes the listener.
   */
  onChange: (listener: (change: ClockChange) => void) => () => void
  /** Checks now for changes, before something times out. Not inside a transaction. */
  settle: () => void
  /** Call it when the operating system reports a resume from sleep. */
  resumed: () => void
  stop: () => void
}

/**
 * Smaller differences are applied silently; a process that does not tick for longer was suspended.
 */
export const JUMP_MS = 5_000
const TICK_MS = 1_000

export type Reading = { wallMs: number; monotonicMs: number; uptimeMs: number }
/**
 * The clocks at the last tick, and how long the process had run and the computer had slept by then.
 */
export type Anchor = Reading & { awakeMs: number; sleptMs: number }

/**
 * How long the process has run since the tick. More than the limit means that it was suspended; the
 * next tick handles that. Pure.
 */
const workedMs = (anchor: Anchor, monotonicMs: number): number =>
  Math.min(Math.max(0, monotonicMs - anchor.monotonicMs), JUMP_MS)

/**
 * Compares the clocks' progress since the last tick. Pure. `change` is null if nothing special
 * happened.
 */
export function tick(anchor: Anchor, now: Reading): { anchor: Anchor; change: ClockChange | null } {
  const elapsedMs = now.monotonicMs - anchor.monotonicMs
  const worked = workedMs(anchor, now.monotonicMs)
  // The computer's uptime has a resolution of hundredths of a second at best: small differences are
  // not sleep.
  const unseenMs = now.uptimeMs - anchor.uptimeMs - elapsedMs
  const sleptMs = unseenMs >= JUMP_MS ? unseenMs : 0
  const driftMs = now.wallMs - anchor.wallMs - elapsedMs - sleptMs
  const isJump = Math.abs(driftMs) >= JUMP_MS
  const isPause = elapsedMs - worked + sleptMs >= JUMP_MS
  const next = {
    ...now,
    awakeMs: anchor.awakeMs + worked,
    sleptMs: anchor.sleptMs + sleptMs,
  }
  if (!isJump && !isPause) return { anchor: next, change: null }
  return {
    anchor: next,
    change: {
      shiftMs: Math.round(now.wallMs - anchor.wallMs - worked),
      jumpMs: isJump ? Math.round(driftMs) : 0,
      // Where no clock counts sleep, sleep looks like a clock that was set forward.
      resumed: isPause || driftMs >= JUMP_MS,
    },
  }
}

export const systemSource: ClockSource = {
  ...systemClock,
  // Elsewhere the monotonic clock includes sleep, and macOS derives its uptime from the settable
  // clock.
  ...(process.platform === 'linux' && { uptimeMs: () => uptime() * 1_000 }),
}

/** Ticks until it is stopped. @param failed called with what a listener threw */
export function createClock(
  source: ClockSource,
  failed: (error: unknown) => void = () => {},
): Clock {
  const { monotonicMs, uptimeMs = monotonicMs } = source
  const read = (): Reading => ({
    wallMs: source.wallMs(),
    monotonicMs: monotonicMs(),
    uptimeMs: uptimeMs(),
  })
  let anchor: Anchor = { ...read(), awakeMs: 0, sleptMs: 0 }
  const listeners = new Set<(change: ClockChange) => void>()
  let cancel: (() => void) | null = null

  function look(wasAsleep: boolean): void {
    const { anchor: next, change } = tick(anchor, read())
    anchor = next
    const reported = wasAsleep ? { shiftMs: 0, jumpMs: 0, ...change, resumed: true } : change
    if (!reported) return
    for (const listener of listeners)
      try {
        listener(reported)
      } catch (error) {
        // The other listeners still have to be called.
        failed(error)
      }
  }
  function run(): void {
    cancel = source.setTimer(TICK_MS, run)
    look(false)
  }
  cancel = source.setTimer(TICK_MS, run)

  return {
    monotonicMs: () => monotonicMs() + anchor.sleptMs,
    uptimeSeconds: source.uptimeSeconds,
    setTimer: source.setTimer,
    repeat: source.repeat,
    nextTurn: source.nextTurn,
    sleep: source.sleep,
    wallMs: () => Math.floor(anchor.wallMs + workedMs(anchor, monotonicMs())),
    awakeMs: () => anchor.awakeMs + workedMs(anchor, monotonicMs()),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    settle: () => look(false),
    resumed: () => look(true),
    stop: () => cancel?.(),
  }
}
