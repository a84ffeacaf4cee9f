/**
 * Takes what agents report and makes it so, exactly once. Reports are gathered for a few milliseconds and committed
 * together; each is acknowledged only after that commit.
 */
import type { ReportReply } from '#shared/contract/agent/link.ts'
import type { Log } from '../context.ts'
import { storageFailure } from '../store/failures.ts'
import { createChanges, type Changes } from './changes.ts'
import type { DeploymentsRepo } from './deployments.repo.ts'
import type { Report } from './reports.ts'
import type { EngineTimings } from './timings.ts'

type Entry = { report: Report; done: (reply: ReportReply) => void }
export type Recorder = ReturnType<typeof createRecorder>

/** While another program holds the database, it is tried again after so long, and longer each time. */
const BUSY_FIRST_MS = 25
const BUSY_LONGEST_MS = 500

/** Nothing is kept waiting in memory beyond this; further reports are refused and come again. */
const QUEUE_LIMIT = 20_000

export function createRecorder(deps: {
  repo: Pick<DeploymentsRepo, 'transaction'>
  apply: (report: Report, changes: Changes) => ReportReply
  log: Log
  timings: Pick<EngineTimings, 'batchMs' | 'batchSize'>
  committed: (changes: Changes) => void
  /** The disk is almost full: outputs are not taken, so that there is room for results. */
  isLow: () => boolean
}) {
  const { repo, apply, timings } = deps
  const queue: Entry[] = []
  let timer: NodeJS.Timeout | null = null
  let next: NodeJS.Immediate | null = null
  /** How long the present wait for a locked database is; null: it is not locked. */
  let busyMs: number | null = null

  /** Commits these together. @throws what the store or a report throws; then nothing of them remains */
  function commit(batch: Entry[]): void {
    const changes = createChanges()
    const replies = repo.transaction(() => batch.map(({ report }) => apply(report, changes)))
    batch.forEach((entry, i) => entry.done(replies[i]!))
    deps.committed(changes)
  }

  const refuse = (entries: Entry[], message: string): void =>
    entries.forEach((entry) => entry.done({ committed: false, message }))

  /**
   * Commits the oldest that wait, then acknowledges, then tells. One that cannot be applied is left out alone.
   * @returns false when another program holds the database: then they wait on
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
        refuse(batch, 'the controller has no room for it; send it again')
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

  /** Batch by batch, others have a turn in between. */
  function work(): void {
    timer = next = null
    if (!flushBatch()) {
      busyMs = Math.min(busyMs === null ? BUSY_FIRST_MS : 2 * busyMs, BUSY_LONGEST_MS)
      timer = setTimeout(work, busyMs)
      return
    }
    busyMs = null
    if (queue.length >= timings.batchSize) next = setImmediate(work)
    else if (queue.length > 0) timer = setTimeout(work, timings.batchMs)
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
        if (next || busyMs !== null) return
        if (queue.length >= timings.batchSize) {
          if (timer) clearTimeout(timer)
          next = setImmediate(work)
        } else timer ??= setTimeout(work, timings.batchMs)
      }),
    /** Commits all that waits now. What cannot be committed is not acknowledged: it comes again. */
    flush(): void {
      if (timer) clearTimeout(timer)
      timer = null
      // The wait for a locked database ends here too: what comes next starts a timer of its own.
      busyMs = null
      while (queue.length > 0)
        if (!flushBatch()) refuse(queue.splice(0), 'it could not be recorded; send it again')
    },
  }
}
