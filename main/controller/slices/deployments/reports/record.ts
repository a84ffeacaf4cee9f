/**
 * Records what agents report, exactly once. Reports are collected for a few milliseconds and committed together; each is
 * acknowledged only after that commit.
 */
import type { Cancel } from '#shared/node/clock.ts'
import type { ReportReply } from '#shared/contract/agent/link.ts'
import type { Clock, Log } from '../../../base/context.ts'
import { storageFailure } from '../../../store/failures.ts'
import { createChanges, type Changes } from '../changes.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { Report } from './reports.ts'
import type { EngineTimings } from '../timings.ts'

type Entry = { report: Report; done: (reply: ReportReply) => void }
export type Recorder = ReturnType<typeof createRecorder>

/** While another program locks the database, retry after this long, and longer each time. */
const BUSY_FIRST_MS = 25
const BUSY_LONGEST_MS = 500

/** Most reports waiting in memory; further ones are refused, and the agents send them again. */
const QUEUE_LIMIT = 20_000

export function createRecorder(deps: {
  repo: Pick<DeploymentsRepo, 'transaction'>
  /** Judges and writes them, in order. */
  apply: (reports: readonly Report[], changes: Changes) => ReportReply[]
  clock: Pick<Clock, 'setTimer' | 'nextTurn'>
  log: Log
  timings: Pick<EngineTimings, 'batchMs' | 'batchSize'>
  committed: (changes: Changes) => void
  /** The disk is almost full: refuse output, to keep room for results. */
  isLow: () => boolean
}) {
  const { repo, apply, timings, clock } = deps
  const queue: Entry[] = []
  let cancelTimer: Cancel | null = null
  /** The next batch is full: it is committed without waiting for more. */
  let isNext = false
  /** The current wait for a locked database, in ms; null: it is not locked. */
  let busyMs: number | null = null

  /** Commits these together. @throws what the store or a report throws, and then writes nothing */
  function commit(batch: Entry[]): void {
    const changes = createChanges()
    const reports = batch.map(({ report }) => report)
    const replies = repo.transaction(() => apply(reports, changes))
    batch.forEach((entry, i) => entry.done(replies[i]!))
    deps.committed(changes)
  }

  const refuse = (entries: Entry[], message: string): void =>
    entries.forEach((entry) => entry.done({ committed: false, message }))

  /**
   * Commits the oldest waiting reports, acknowledges them, then publishes the changes. A report that cannot be applied fails alone.
   * @returns false when another program locks the database: then they keep waiting
   */
  function flushBatch(): boolean {
    const batch = queue.splice(0, timings.batchSize)
    if (batch.length === 0) return true
    try {
      commit(batch)
      return true
    } catch (error) {
      const failure = storageFailure(error)
      if (failure?.kind === 'busy') {
        if (busyMs === null) deps.log.warn({ reports: batch.length }, 'the database is locked')
        queue.unshift(...batch)
        return false
      }
      if (failure) {
        deps.log.error({ err: error, reports: batch.length }, 'reports could not be recorded')
        refuse(batch, 'the controller has no space for it; send it again')
        return true
      }
      if (batch.length > 1)
        deps.log.warn({ err: error, reports: batch.length }, 'reports are committed one by one')
    }
    batch.forEach((entry, i) => {
      try {
        commit([entry])
      } catch (error) {
        const { kind, deviceId } = entry.report
        deps.log.error({ err: error, report: kind, deviceId }, 'a report could not be recorded')
        refuse(batch.slice(i, i + 1), 'it could not be recorded; send it again')
      }
    })
    return true
  }

  function inNextTurn(): void {
    isNext = true
    clock.nextTurn(work)
  }
  /** Works batch by batch and lets others run in between. */
  function work(): void {
    cancelTimer = null
    isNext = false
    if (!flushBatch()) {
      busyMs = Math.min(busyMs === null ? BUSY_FIRST_MS : 2 * busyMs, BUSY_LONGEST_MS)
      cancelTimer = clock.setTimer(busyMs, work)
      return
    }
    busyMs = null
    if (queue.length >= timings.batchSize) inNextTurn()
    else if (queue.length > 0) cancelTimer = clock.setTimer(timings.batchMs, work)
  }

  return {
    /** Resolves after the commit. Never rejects. */
    take: (report: Report): Promise<ReportReply> =>
      new Promise((done) => {
        if (queue.length >= QUEUE_LIMIT)
          return done({ committed: false, message: 'too many reports at once, send it again' })
        if (report.kind === 'output' && deps.isLow())
          return done({ committed: false, message: 'the disk of the controller is almost full' })
        queue.push({ report, done })
        if (isNext || busyMs !== null) return
        if (queue.length >= timings.batchSize) {
          cancelTimer?.()
          inNextTurn()
        } else cancelTimer ??= clock.setTimer(timings.batchMs, work)
      }),
    /** Commits everything that waits. What cannot be committed is not acknowledged, so the agents send it again. */
    flush(): void {
      cancelTimer?.()
      cancelTimer = null
      // This also ends the wait for a locked database: the next report starts its own timer.
      busyMs = null
      while (queue.length > 0)
        if (!flushBatch()) refuse(queue.splice(0), 'it could not be recorded; send it again')
    },
  }
}
