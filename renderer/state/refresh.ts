/**
 * Fetches what is on the screen again and again while the feed does not connect: where WebSockets and long polling are
 * blocked, or until the feed is back.
 */
import type { FeedState } from '../api/feed.ts'

/** A short gap heals by itself. */
const FIRST_MS = 1_500
/** While something on the screen moves, and while nothing does, in seconds. */
const BUSY_SECONDS = 5
const QUIET_SECONDS = 15
/** The intervals there are, in seconds: what is said about them must not change with every fetch. */
const STEPS_SECONDS = [5, 10, 15, 30, 60]
const LONGEST_SECONDS = 60
/** Fetching takes at most this part of the time. */
const SHARE = 0.1
/** So many attempts of the feed must fail, while the controller answers, before something in between is blamed. */
const BLOCKED_AFTER = 2

export type Refreshing = {
  everySeconds: number
  /** The controller answers, and the feed fails again and again. */
  isBlocked: boolean
}

export type Refresh = {
  /** Takes in what the feed reports of itself. */
  feed: (state: FeedState) => void
  /** Another screen is shown, or a window that was hidden. */
  look: () => void
}

export function createRefresh(deps: {
  /** Fetches what is on the screen. False: the controller did not answer. Never rejects. */
  fetch: () => Promise<boolean>
  isBusy: () => boolean
  /** Nobody looks: nothing is fetched. */
  isHidden: () => boolean
  retryFeed: () => void
  /** Null: there is nothing to say, or the controller does not answer. */
  show: (now: Refreshing | null) => void
  nowMs?: () => number
}): Refresh {
  const nowMs = deps.nowMs ?? (() => performance.now())
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Counts gaps of the feed; null: there is none. */
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
    const isThere = await deps.fetch()
    isFetching = false
    if (gap !== mine) return gap === null ? undefined : wait(FIRST_MS)
    const isBack = isThere && !isAnswered
    isAnswered = isThere
    unanswered = isThere ? 0 : unanswered + 1
    if (!isThere) failedAttempts = 0
    everySeconds = intervalSeconds(nowMs() - startedMs)
    show()
    wait(everySeconds * 1_000)
    // It may be waiting for the end of a back-off that began when nothing answered.
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
