/** Delays that can be cancelled. */

/** Resolves after `ms`, immediately when the signal fires. Never rejects. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.max(0, ms))
    signal?.addEventListener('abort', end)
  })
}

/**
 * Doubles from `minMs` to `maxMs`; half of it is random, so that the PCs of an office do not reconnect at the
 * same moment. @param spreadMs additional randomness in the first delay after `begin`, because all agents
 * lose their connection at the same moment
 */
export function createBackoff(minMs: number, maxMs: number, spreadMs = 0) {
  let tries = 0
  let spread = 0
  return {
    nextMs(): number {
      const full = Math.min(maxMs, minMs * 2 ** Math.min(tries++, 30))
      const more = spread
      spread = 0
      return Math.round(full / 2 + Math.random() * (full / 2 + more))
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
