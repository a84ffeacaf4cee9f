/**
 * The controller's clock as this page knows it. Relative times ("5 min ago") and running times ("running 0:42") are
 * based on it, because the clock of this computer may be wrong.
 */

/** The Date header has whole seconds and arrives with a delay: smaller differences are noise. */
const NOISE_MS = 2_000
/** From this difference on the user is warned. */
export const CLOCK_NOTE_MS = 60_000

export type LocalClock = { wallMs: () => number; monotonicMs: () => number }

export function createControllerClock(
  local: LocalClock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
) {
  let reported: { epochMs: number; atMs: number } | null = null
  const now = (): number =>
    reported ? reported.epochMs + (local.monotonicMs() - reported.atMs) : local.wallMs()
  return {
    /** Epoch ms. Until the controller has answered, from this computer's clock. */
    now: (): number => Math.round(now()),
    /** @param date the Date header of a reply that has just arrived; null if it has none */
    noteDate: (date: string | null): void => {
      // The header is truncated to seconds; the real time is half a second later on average.
      const epochMs = Date.parse(date ?? '') + 500
      if (Number.isNaN(epochMs)) return
      if (reported && Math.abs(epochMs - now()) < NOISE_MS) return
      reported = { epochMs, atMs: local.monotonicMs() }
    },
    /** How far this computer is ahead of the controller, in ms; negative: behind. 0 until the controller has answered. */
    aheadMs: (): number => (reported ? local.wallMs() - now() : 0),
  }
}

/** One per page, because a page has one controller. */
const clock = createControllerClock()
/** Epoch ms. */
export const controllerNow = clock.now
export const noteControllerDate = clock.noteDate
export const aheadOfControllerMs = clock.aheadMs
