/**
 * Runs work when an event calls for it. Wake-ups are coalesced, a heartbeat catches up on missed
 * ones, and failed runs are retried after growing delays. Work is divided by key: the keys run one
 * at a time, in the order of their wake-ups, each in its own turn of the event loop.
 */
import type { Clock } from './clock.ts'

/** After n ms of work, `soon` waits for 3 n ms, so that other work gets most of the time. */
const REST_FACTOR = 3
const FIRST_RETRY_MS = 100

export type TickerTime = Pick<Clock, 'monotonicMs' | 'awakeMs' | 'wallMs' | 'setTimer' | 'nextTurn'>
export type Outcome = {
  /** More work remains: run again, after the other keys. */
  more?: boolean
  /** Epoch ms: run again then. */
  wakeAtMs?: number | null
}
type Options<Key> = {
  time: TickerTime
  /** Wake-ups within this time lead to one run. */
  soonMs: number
  /** Also the upper limit of back-off and rest. */
  heartbeatMs: number
  /** Everything that may have work. Called at each heartbeat. */
  keys: () => Iterable<Key>
  /** If it throws, it is retried after a growing delay. */
  run: (key: Key) => Outcome | void | Promise<Outcome | void>
  /** @param key null: `keys` failed; the next heartbeat calls it again */
  failed: (error: unknown, key: Key | null) => void
}

export type Ticker<Key> = ReturnType<typeof createTicker<Key>>

export function createTicker<Key>(options: Options<Key>) {
  const { time, soonMs, heartbeatMs } = options
  /** Keys to run, one per turn. A key in here is in neither `waiting` nor `wakes`. */
  const queue = new Set<Key>()
  /** Coalesced wake-ups and retries: monotonic ms. */
  const waiting = new Map<Key, number>()
  /** When to run again, as the last run requested: epoch ms. */
  const wakes = new Map<Key, number>()
  /** How often in a row a key has failed. */
  const failures = new Map<Key, number>()
  let isStarted = false
  let isStopped = false
  let beatAtMs = Infinity
  let restUntilMs = -Infinity
  /** Spent since the queue was last empty. */
  let workMs = 0
  let running: Promise<void> | null = null
  let cancelTimer: (() => void) | null = null
  let cancelTurn: (() => void) | null = null

  function enqueue(key: Key): void {
    waiting.delete(key)
    wakes.delete(key)
    queue.add(key)
  }
  /** A rest delays no wake-up by more than a heartbeat, so further rests cannot starve it. */
  const afterRest = (atMs: number): number =>
    Math.max(atMs, Math.min(restUntilMs, atMs + heartbeatMs))

  /** Sets the timer for what comes next. */
  function arm(): void {
    cancelTimer?.()
    if (!isStarted) return
    const inMs = Math.min(
      afterRest(Math.min(...waiting.values())) - time.monotonicMs(),
      Math.min(...wakes.values()) - time.wallMs(),
      beatAtMs - time.awakeMs(),
    )
    cancelTimer = time.setTimer(Math.max(1, Math.ceil(inMs)), look)
  }
  /** Queues what is due. The timer may be early: clocks differ. */
  function look(): void {
    if (!isStarted) return
    for (const [key, atMs] of waiting) if (afterRest(atMs) <= time.monotonicMs()) enqueue(key)
    for (const [key, atMs] of wakes) if (atMs <= time.wallMs()) enqueue(key)
    if (time.awakeMs() >= beatAtMs) beat()
    arm()
    takeTurn()
  }
  function beat(): void {
    beatAtMs = time.awakeMs() + heartbeatMs
    try {
      // What failed is retried within a heartbeat anyway.
      for (const key of options.keys()) if (!failures.has(key)) enqueue(key)
    } catch (error) {
      options.failed(error, null)
    }
  }
  function takeTurn(): void {
    if (!isStarted || cancelTurn || running || queue.size === 0) return
    cancelTurn = time.nextTurn(() => {
      cancelTurn = null
      // Not before `running` is set: the run itself may wake others.
      running = Promise.resolve()
        .then(runNext)
        .finally(() => {
          running = null
          // A timer alone would never fire between long runs.
          look()
        })
    })
  }

  async function runNext(): Promise<void> {
    const next = queue.values().next()
    if (next.done) return
    const key = next.value
    queue.delete(key)
    const startMs = time.monotonicMs()
    try {
      const outcome = await options.run(key)
      failures.delete(key)
      if (outcome?.more) enqueue(key)
      const wakeAtMs = outcome?.wakeAtMs ?? null
      if (wakeAtMs !== null && !queue.has(key))
        wakes.set(key, Math.max(wakeAtMs, time.wallMs() + soonMs))
    } catch (error) {
      options.failed(error, key)
      retryLater(key)
    }
    workMs += time.monotonicMs() - startMs
    if (queue.size > 0) return
    const restMs = Math.min(REST_FACTOR * workMs, heartbeatMs)
    restUntilMs = Math.max(restUntilMs, time.monotonicMs() + restMs)
    workMs = 0
  }
  function retryLater(key: Key): void {
    const count = failures.get(key) ?? 0
    failures.set(key, count + 1)
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** count, heartbeatMs)
    if (!queue.has(key)) waiting.set(key, time.monotonicMs() + delayMs)
  }

  return {
    /** Runs these within `soonMs`, but not before the rest or the back-off is over. */
    soon: (keys: Iterable<Key>): void => {
      let isNew = false
      for (const key of keys) {
        if (isStopped || queue.has(key) || waiting.has(key)) continue
        waiting.set(key, time.monotonicMs() + soonMs)
        isNew = true
      }
      if (isNew) arm()
    },
    /** Runs these as soon as their turn comes, because someone is waiting for the result. */
    now: (keys: Iterable<Key>): void => {
      if (isStopped) return
      for (const key of keys) enqueue(key)
      takeTurn()
    },
    /** Brings the next heartbeat forward to now, for example because the clock was set. */
    beat(): void {
      beatAtMs = -Infinity
      arm()
    },
    /** Earlier wake-ups were kept until now. The first heartbeat follows after `heartbeatMs`. */
    start(): void {
      if (isStarted || isStopped) return
      isStarted = true
      beatAtMs = Math.min(beatAtMs, time.awakeMs() + heartbeatMs)
      arm()
      takeTurn()
    },
    /** Starts no further run. Resolves when the current run has ended. */
    stop(): Promise<void> {
      isStarted = false
      isStopped = true
      cancelTimer?.()
      cancelTurn?.()
      return running ?? Promise.resolve()
    },
  }
}

/** A ticker for work that is not divided by key. */
export function createSingleTicker(
  options: Omit<Options<null>, 'keys' | 'run' | 'failed'> & {
    run: () => ReturnType<Options<null>['run']>
    failed: (error: unknown) => void
  },
) {
  const ticker = createTicker<null>({ ...options, keys: () => [null] })
  return { ...ticker, soon: () => ticker.soon([null]), now: () => ticker.now([null]) }
}
