/** Tests wait for events. The limits here only end failing tests, so they are long enough for an overloaded machine. */

/** How long tests wait for an event. Below the timeout of a test (vitest.config.ts), so that a failure names the event. */
export const EVENT_LIMIT_MS = 90_000
/** 2,400 polls a minute: below the controller's 3,000 requests per user and minute. */
const INTERVAL_MS = 25

/**
 * Waits until `look` returns a truthy value, and returns it.
 * @param what the event, named in the timeout error
 * @param details added to the timeout error, such as the output of a process
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  options: { limitMs?: number; intervalMs?: number; details?: () => string } = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { limitMs = EVENT_LIMIT_MS, intervalMs = INTERVAL_MS, details } = options
  const end = performance.now() + limitMs
  for (;;) {
    const found = await look()
    if (found) return found as Exclude<T, false | null | undefined | 0 | ''>
    if (performance.now() > end)
      throw new Error(`${what}: not within ${limitMs / 1_000} s${details ? `\n${details()}` : ''}`)
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}
