import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 45_000
const INTERVAL_MS = 50

/**
 * Polls `look` until it returns anything but false, null and undefined, and returns that value. @throws Error
 * that names `what` after the time limit
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  options: { limitMs?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const limitMs = options.limitMs ?? LIMIT_MS
  const end = Date.now() + limitMs
  for (;;) {
    const found = await look()
    if (found !== false && found !== null && found !== undefined)
      return found as Exclude<T, false | null | undefined>
    if (Date.now() > end) throw new Error(`not within ${limitMs / 1000} s: ${what}`)
    await sleep(INTERVAL_MS)
  }
}
