/**
 * The controller's time. Waits within one run are measured on a clock that never jumps; what people read and what is
 * stored follows the computer's clock, but only at a tick: everyone who holds a stored deadline moves it in that moment,
 * so no deadline is ever compared with a time that it was not made for.
 */
import { uptime } from 'node:os'

/** What the computer offers. Tests bring their own. */
export type ClockSource = {
  /** Epoch ms. Jumps when a person or the network corrects the clock. */
  wallMs: () => number
  /** Ms since some moment. Never goes back; on Linux it stands still while the computer sleeps. */
  monotonicMs: () => number
  /** Ms since the computer started, sleep included. Left out: `monotonicMs` includes it. */
  uptimeMs?: () => number
  /** Calls once after `ms`. Returns the function that cancels it. */
  setTimer: (ms: number, fn: () => void) => () => void
}
export type ClockChange = {
  /** By how much the time that people read has moved on beyond the time in which the controller worked; negative: back. */
  shiftMs: number
  /** The part of `shiftMs` that no passing time explains: the clock was set. */
  jumpMs: number
  /** The controller may have been stopped, or asleep: links may be gone without having been missed. */
  resumed: boolean
}
export type Clock = Pick<ClockSource, 'setTimer'> & {
  /** Ms since some moment. Never goes back, and goes on while the computer sleeps. For throttles: it is real time. */
  monotonicMs: () => number
  /** Epoch ms, whole. For people, for the store, and for what is compared over restarts. */
  wallMs: () => number
  /** Ms, in which the controller was at work: neither jumps of the clock nor pauses of the process count. */
  awakeMs: () => number
  /** Called at each jump and after each pause, before any time that includes it is read. Returns the function that stops it. */
  onChange: (listener: (change: ClockChange) => void) => () => void
  /** Looks now whether anything has changed: before something is given up for lack of time. Not inside a transaction. */
  settle: () => void
  /** The computer says that it was asleep. */
  resumed: () => void
  stop: () => void
}

/** Smaller differences are followed without a word; a process that does not tick for longer has been stopped. */
export const JUMP_MS = 5_000
const TICK_MS = 1_000

export type Reading = { wallMs: number; monotonicMs: number; uptimeMs: number }
/** What the clocks showed at the last tick; and until then, how long the process has worked and the computer slept unseen. */
export type Anchor = Reading & { awakeMs: number; sleptMs: number }

/** How long the process has worked since the tick: what exceeds the limit is a pause, which the next tick settles. Pure. */
const workedMs = (anchor: Anchor, monotonicMs: number): number =>
  Math.min(Math.max(0, monotonicMs - anchor.monotonicMs), JUMP_MS)

/** Compares the progress of the clocks since the last tick. Pure. `change` is null when nothing special happened. */
export function tick(anchor: Anchor, now: Reading): { anchor: Anchor; change: ClockChange | null } {
  const elapsedMs = now.monotonicMs - anchor.monotonicMs
  const worked = workedMs(anchor, now.monotonicMs)
  // The computer's uptime is told in hundredths of a second at best: small differences are no sleep.
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
      // Where no clock counts sleep, it looks like a clock that was set forward.
      resumed: isPause || driftMs >= JUMP_MS,
    },
  }
}

export const systemClock: ClockSource = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  // Elsewhere the monotonic clock includes sleep, and macOS derives its uptime from the clock that people set.
  ...(process.platform === 'linux' && { uptimeMs: () => uptime() * 1_000 }),
  setTimer: (ms, fn) => {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Ticks until it is stopped. @param failed told what a listener threw */
export function createClock(
  source: ClockSource = systemClock,
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
    const told = wasAsleep ? { shiftMs: 0, jumpMs: 0, ...change, resumed: true } : change
    if (!told) return
    for (const listener of listeners)
      try {
        listener(told)
      } catch (error) {
        // The others still have to move theirs.
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
    setTimer: source.setTimer,
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
