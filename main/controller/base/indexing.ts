/**
 * Keeps search indexes up to date in the background: every few seconds, and without pausing other
 * work while a long history of an earlier version is indexed.
 */
import type { Log } from './context.ts'
import { createTicker, type TickerTime } from './ticker.ts'

/** A few milliseconds of work. */
const CHUNK = 200
const EVERY_MS = 5_000
/** After n ms of work, other work gets 4 n ms. */
const REST_FACTOR = 4
/** A shorter backlog is not worth a line in the log. */
const LOGGED_FROM = 20_000
const LOG_EVERY = 100_000

/** Indexes the next rows, in one transaction. @returns how many */
export type IndexStep = (limit: number) => number

export function startIndexing(deps: {
  time: TickerTime
  log: Log
  /** Each under the name of what it indexes, for the log. */
  steps: Readonly<Record<string, IndexStep>>
  /** Whether the disk is almost full: indexing waits. */
  isPaused: () => boolean
}): () => Promise<void> {
  const { time, log, steps } = deps
  const done = new Map<string, number>()
  const ticker = createTicker<string>({
    time,
    soonMs: 0,
    heartbeatMs: EVERY_MS,
    keys: () => Object.keys(steps),
    run: (name) => {
      if (deps.isPaused()) return
      const startMs = time.monotonicMs()
      const count = steps[name]!(CHUNK)
      const before = done.get(name) ?? 0
      const sum = before + count
      done.set(name, sum)
      if (Math.floor(sum / LOG_EVERY) > Math.floor(before / LOG_EVERY))
        log.info({ index: name, rows: sum }, 'making the history searchable')
      if (count === CHUNK)
        return { wakeAtMs: time.wallMs() + REST_FACTOR * (time.monotonicMs() - startMs) }
      if (sum >= LOGGED_FROM) log.info({ index: name, rows: sum }, 'the history is searchable')
      done.set(name, 0)
      return
    },
    failed: (error) => log.error({ err: error }, 'a search index could not be updated'),
  })
  ticker.start()
  ticker.beat()
  return async () => ticker.stop()
}
