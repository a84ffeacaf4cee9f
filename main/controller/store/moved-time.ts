/** Stored times that keep their distance from now when the computer's clock is set. */
import { type Column, sql, type SQL } from 'drizzle-orm'
import type { Clock } from '../base/context.ts'

const RETRY_MS = 5_000

/** `column`, an ISO 8601 time in UTC, moved by `byMs` (negative: earlier). Null stays null. */
export const movedTime = (column: Column, byMs: number): SQL =>
  sql`strftime('%Y-%m-%dT%H:%M:%fZ', ${column}, printf('%+.3f seconds', ${byMs / 1_000}))`

/**
 * Calls `move` each time the clock was set, and retries later if the database cannot be written.
 * @param move shifts stored times by `byMs`. Expired ones are shifted too, so that they stay
 * expired
 * @returns the function that stops it
 */
export function moveWithClock(clock: Clock, move: (byMs: number) => void): () => void {
  let byMs = 0
  let cancel = (): void => {}
  function run(): void {
    try {
      move(byMs)
      byMs = 0
    } catch {
      // The database is locked or its disk is full: times that are not shifted yet are wrong, but
      // not lost.
      cancel = clock.setTimer(RETRY_MS, run)
    }
  }
  const off = clock.onChange(({ jumpMs }) => {
    if (jumpMs === 0) return
    byMs += jumpMs
    cancel()
    run()
  })
  return () => {
    off()
    cancel()
  }
}
