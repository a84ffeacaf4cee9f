/**
 * The controller's clock, as far as this page knows it. Everything that is told relative to the present ("5 min ago",
 * "running 0:42") is counted by it, because the clock of this computer may be wrong.
 */

/** Replies tell whole seconds and take a moment to come: smaller differences are noise. */
const NOISE_MS = 2_000
/** Worth a word to the reader. */
export const CLOCK_NOTE_MS = 60_000

export type LocalClock = { wallMs: () => number; monotonicMs: () => number }

export function createControllerClock(
  local: LocalClock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
) {
  let heard: { epochMs: number; atMs: number } | null = null
  const now = (): number =>
    heard ? heard.epochMs + (local.monotonicMs() - heard.atMs) : local.wallMs()
  return {
    /** Epoch ms. Until the controller has answered once: by this computer. */
    now: (): number => Math.round(now()),
    /** @param date the Date header of a reply that has just come; null: it has none */
    heard: (date: string | null): void => {
      // Cut off to the second: on average it was half a second later.
      const epochMs = Date.parse(date ?? '') + 500
      if (Number.isNaN(epochMs)) return
      if (heard && Math.abs(epochMs - now()) < NOISE_MS) return
      heard = { epochMs, atMs: local.monotonicMs() }
    },
    /** By how much this computer is ahead of the controller, in ms; negative: behind. 0 until the controller has answered. */
    aheadMs: (): number => (heard ? local.wallMs() - now() : 0),
  }
}

/** A page has one controller. */
const clock = createControllerClock()
/** Epoch ms. */
export const controllerNow = clock.now
export const controllerHeard = clock.heard
export const aheadOfControllerMs = clock.aheadMs
