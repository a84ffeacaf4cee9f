/**
 * Polls the data on screen while the feed is not connected: when WebSockets and long polling are blocked, or until the
 * feed is back.
 */
import type { FeedState } from '../api/feed.ts'

/** Short gaps recover by themselves. */
const FIRST_MS = 1_500
/** Intervals while something on the screen changes, and while nothing does, in seconds. */
const BUSY_SECONDS = 5
const QUIET_SECONDS = 15
/** The possible intervals in seconds: fixed steps, so that the displayed interval does not change with every fetch. */
const STEPS_SECONDS = [5, 10, 15, 30, 60]
const LONGEST_SECONDS = 60
/** Maximum share of the time spent fetching. */
const SHARE = 0.1
/** Failed feed attempts, while the controller answers, before the feed is reported as blocked. */
const BLOCKED_AFTER = 2

export type Refreshing = {
  everySeconds: number
  /** The controller answers, but the feed fails repeatedly. */
  isBlocked: boolean
}

export type Refresh = {
  /** Takes the feed's state changes. */
  feed: (state: FeedState) => void
  /** Call it when another screen is shown or a hidden window becomes visible. */
  look: () => void
}

export function createRefresh(deps: {
  /** Fetches the data on screen. Returns false if the controller did not answer. Never rejects. */
  fetch: () => Promise<boolean>
  isBusy: () => boolean
  /** While the window is hidden, nothing is fetched. */
  isHidden: () => boolean
  retryFeed: () => void
  /** Null: nothing to report, or the controller does not answer. */
  show: (now: Refreshing | null) => void
  nowMs?: () => number
}): Refresh {
  const nowMs = deps.nowMs ?? (() => performance.now())
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Number of the current feed gap; null while there is none. */
  let gap: number | null = null
  let gaps = 0
  let isFetching = false
  let isAnswered = false
  let unanswered = 0
  let failedAttempts = 0
  let everySeconds = BUSY_SECONDS

  const show = (): void =>
    deps.show(isAnswered ? { everySeconds, isBlocked: failedAttempts >= BLOCKED_AFTER } : null)

  function wait(ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void tick(), ms)
  }

  function intervalSeconds(tookMs: number): number {
    const wanted = isAnswered
      ? Math.max(deps.isBusy() ? BUSY_SECONDS : QUIET_SECONDS, tookMs / 1_000 / SHARE)
      : BUSY_SECONDS * 2 ** Math.min(unanswered - 1, 10)
    return STEPS_SECONDS.find((step) => step >= wanted) ?? LONGEST_SECONDS
  }

  async function tick(): Promise<void> {
    const mine = gap
    if (mine === null || isFetching || deps.isHidden()) return
    isFetching = true
    const startedMs = nowMs()
    const isReachable = await deps.fetch()
    isFetching = false
    if (gap !== mine) return gap === null ? undefined : wait(FIRST_MS)
    const isBack = isReachable && !isAnswered
    isAnswered = isReachable
    unanswered = isReachable ? 0 : unanswered + 1
    if (!isReachable) failedAttempts = 0
    everySeconds = intervalSeconds(nowMs() - startedMs)
    show()
    wait(everySeconds * 1_000)
    // The feed may still be in a back-off that began while nothing answered.
    if (isBack) deps.retryFeed()
  }

  return {
    feed(state) {
      if (state === 'live' || state === 'off') {
        clearTimeout(timer)
        gap = null
        isAnswered = false
        unanswered = 0
        failedAttempts = 0
        deps.show(null)
        return
      }
      if (gap === null) {
        gap = ++gaps
        wait(FIRST_MS)
      } else if (state === 'down' && isAnswered) {
        failedAttempts++
        show()
      }
    },
    look() {
      if (gap !== null) void tick()
    },
  }
}
