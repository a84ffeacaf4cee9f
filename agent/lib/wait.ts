/** Delays between tries, and signals that end waits. */
import type { Random } from '#shared/node/random.ts'

/**
 * Doubles from `minMs` to `maxMs`; half of it is random, so that the PCs of an office do not reconnect at the
 * same moment. @param spreadMs additional randomness in the first delay after `begin`, because all agents
 * lose their connection at the same moment
 */
export function createBackoff(
  random: Pick<Random, 'fraction'>,
  minMs: number,
  maxMs: number,
  spreadMs = 0,
) {
  let tries = 0
  let spread = 0
  return {
    nextMs(): number {
      const full = Math.min(maxMs, minMs * 2 ** Math.min(tries++, 30))
      const more = spread
      spread = 0
      return Math.round(full / 2 + random.fraction() * (full / 2 + more))
    },
    /** Call after a success. */
    reset(): void {
      tries = 0
    },
    /** Call when an established connection was lost. */
    begin(): void {
      tries = 0
      spread = spreadMs
    },
  }
}

/**
 * The signal fires when any of these does. Call `release` when it is no longer needed, or listeners
 * accumulate.
 */
export function linkedSignal(...signals: AbortSignal[]): {
  signal: AbortSignal
  abort: (reason?: unknown) => void
  release: () => void
} {
  const controller = new AbortController()
  const abort = (reason?: unknown): void => controller.abort(reason)
  const onAbort = (event: Event): void => abort((event.target as AbortSignal).reason)
  for (const signal of signals) {
    if (signal.aborted) abort(signal.reason)
    signal.addEventListener('abort', onAbort)
  }
  return {
    signal: controller.signal,
    abort,
    release: () => signals.forEach((signal) => signal.removeEventListener('abort', onAbort)),
  }
}
