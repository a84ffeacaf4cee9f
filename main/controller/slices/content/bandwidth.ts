/**
 * Bandwidth limits for this computer: one in total, one per device. Two nested token buckets, which
 * serve the device first that has received least: a slow reader takes no tokens, and a device with
 * many connections gets no more.
 */
import type { Cancel, Clock } from '#shared/node/clock.ts'
import type { DeviceId } from '#shared/domain/ids.ts'

/**
 * `unenrolled`: all downloads of the agent's program together. They belong to no device, so no
 * device limit applies.
 */
export type Lane = DeviceId | 'unenrolled'
/** Bytes per second; null: no limit. */
export type BandwidthLimits = { hub: number | null; device: number | null }
export const NO_LIMITS: BandwidthLimits = { hub: null, device: null }
export type Bandwidth = ReturnType<typeof createBandwidth>

/**
 * A grant is this many seconds' worth of its limit: short enough for a smooth rate, long enough for
 * the timer.
 */
const GRANT_SECONDS = 1 / 16
/**
 * The smallest piece worth a separate write: with 32 readers at the slowest limit, each still
 * receives something every two seconds.
 */
const MIN_GRANT_BYTES = 4 * 1024
const MAX_GRANT_BYTES = 1024 * 1024

type Bucket = {
  /** May be negative: a grant is taken as a whole, and the next one waits until it is paid off. */
  tokens: number
  filledAtMs: number
}
type Waiter = { wantedBytes: number; grant: (bytes: number) => void }
type Queue = {
  lane: Lane
  bucket: Bucket
  waiting: Set<Waiter>
  /**
   * Bytes. Newcomers start level with the others; the lane with the least is next.
   */
  served: number
}

const grantOf = (bytesPerSecond: number | null): number =>
  bytesPerSecond === null
    ? MAX_GRANT_BYTES
    : Math.min(MAX_GRANT_BYTES, Math.max(MIN_GRANT_BYTES, bytesPerSecond * GRANT_SECONDS))

export function createBandwidth(clock: Pick<Clock, 'monotonicMs' | 'setTimer'>) {
  const nowMs = clock.monotonicMs
  let limits = NO_LIMITS
  let hub: Bucket = { tokens: 0, filledAtMs: nowMs() }
  /**
   * Every device that was served since a limit was set: bounded by the number of enrolled devices.
   */
  let queues = new Map<Lane, Queue>()
  /** Queues with waiting downloads; of those with equal counts the first is next. */
  const turns = new Set<Queue>()
  let servedUpTo = 0
  let cancelTimer: Cancel | undefined

  const limitOf = (lane: Lane): number | null => (lane === 'unenrolled' ? null : limits.device)

  /**
   * How long until the bucket is no longer negative. Unused capacity is kept for one grant at most.
   */
  function waitMs(bucket: Bucket, bytesPerSecond: number | null): number {
    if (bytesPerSecond === null) return 0
    const now = nowMs()
    const filled = bucket.tokens + ((now - bucket.filledAtMs) * bytesPerSecond) / 1000
    bucket.tokens = Math.min(filled, grantOf(bytesPerSecond))
    bucket.filledAtMs = now
    return bucket.tokens >= 0 ? 0 : (-bucket.tokens * 1000) / bytesPerSecond
  }

  function give(queue: Queue, waiter: Waiter): void {
    queue.waiting.delete(waiter)
    turns.delete(queue)
    if (queue.waiting.size > 0) turns.add(queue)
    const bytes = Math.ceil(
      Math.min(waiter.wantedBytes, grantOf(limits.hub), grantOf(limitOf(queue.lane))),
    )
    hub.tokens -= bytes
    queue.bucket.tokens -= bytes
    servedUpTo = queue.served
    queue.served += bytes
    waiter.grant(bytes)
  }

  /** Grants what may be granted now, and continues by timer. */
  function serve(): void {
    cancelTimer?.()
    cancelTimer = undefined
    for (;;) {
      let soonestMs = waitMs(hub, limits.hub)
      if (soonestMs === 0) {
        let next: Queue | undefined
        soonestMs = Infinity
        for (const queue of turns) {
          // A device at its own limit is skipped, so that it delays nobody else. It keeps its
          // place.
          const ownWaitMs = waitMs(queue.bucket, limitOf(queue.lane))
          if (ownWaitMs > 0) soonestMs = Math.min(soonestMs, ownWaitMs)
          else if (!next || queue.served < next.served) next = queue
        }
        const [first] = next?.waiting ?? []
        if (next && first) {
          give(next, first)
          continue
        }
      }
      if (turns.size > 0) cancelTimer = clock.setTimer(Math.max(1, Math.ceil(soonestMs)), serve)
      return
    }
  }

  function queueOf(lane: Lane): Queue {
    let queue = queues.get(lane)
    if (!queue) {
      queue = { lane, bucket: { tokens: 0, filledAtMs: nowMs() }, waiting: new Set(), served: 0 }
      queues.set(lane, queue)
    }
    return queue
  }

  return {
    /** Whether anything is limited. Called for every block, so it has to be cheap. */
    isLimited: (): boolean => limits !== NO_LIMITS,

    /**
     * Takes effect immediately, including for waiting downloads. Debts under the previous limits
     * are cancelled.
     */
    setLimits(next: BandwidthLimits): void {
      limits = next.hub === null && next.device === null ? NO_LIMITS : next
      hub = { tokens: 0, filledAtMs: nowMs() }
      if (limits === NO_LIMITS) {
        for (const queue of turns)
          for (const waiter of queue.waiting) waiter.grant(waiter.wantedBytes)
        turns.clear()
        queues = new Map()
      } else for (const queue of queues.values()) queue.bucket = { ...hub }
      serve()
    },

    /**
     * Waits for its turn. @returns how many of the wanted bytes may be sent now, at least one; null
     * if `gone` fired first
     * @param wantedBytes at least one
     */
    take(lane: Lane, wantedBytes: number, gone: AbortSignal): Promise<number | null> {
      if (gone.aborted) return Promise.resolve(null)
      if (limits === NO_LIMITS) return Promise.resolve(wantedBytes)
      const queue = queueOf(lane)
      return new Promise((resolve) => {
        const leave = () => {
          queue.waiting.delete(waiter)
          if (queue.waiting.size === 0) turns.delete(queue)
          resolve(null)
        }
        const waiter: Waiter = {
          wantedBytes,
          grant: (bytes) => {
            gone.removeEventListener('abort', leave)
            resolve(bytes)
          },
        }
        gone.addEventListener('abort', leave, { once: true })
        if (queue.waiting.size === 0) queue.served = Math.max(queue.served, servedUpTo)
        queue.waiting.add(waiter)
        turns.add(queue)
        serve()
      })
    },

    /** How many downloads wait. */
    waiting: (): number => [...turns].reduce((sum, queue) => sum + queue.waiting.size, 0),
    stop: (): void => cancelTimer?.(),
  }
}
