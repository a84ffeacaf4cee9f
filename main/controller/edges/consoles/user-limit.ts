/** Limits the requests of one user, across all addresses and sessions. */
import { AppError } from '#shared/contract/errors.ts'
import type { UserId } from '#shared/domain/ids.ts'

const WINDOW_MS = 60_000

/**
 * Counts within a minute that begins with the user's first request in it.
 * @param nowMs a monotonic clock
 * @returns counts one request; throws AppError E_RATE_LIMITED, with the seconds to wait, when it is over the limit
 */
export function createUserLimit(perMinute: number, nowMs: () => number) {
  const windows = new Map<UserId, { startedMs: number; count: number }>()
  return (user: UserId): void => {
    const now = nowMs()
    const known = windows.get(user)
    const current =
      known && now - known.startedMs < WINDOW_MS ? known : { startedMs: now, count: 0 }
    current.count++
    windows.set(user, current)
    if (current.count <= perMinute) return
    const retryAfterSeconds = Math.max(1, Math.ceil((current.startedMs + WINDOW_MS - now) / 1000))
    throw new AppError(
      'E_RATE_LIMITED',
      `Too many requests by this user. Try again in ${retryAfterSeconds} seconds.`,
      [],
      { retryAfterSeconds },
    )
  }
}
