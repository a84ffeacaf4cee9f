/**
 * Takes what agents report and makes it so, exactly once. Reports are gathered for a few milliseconds and committed
 * together; each is acknowledged only after that commit.
 */
import type { ReportReply } from '#shared/contract/agent-link.ts'
import type { Log } from '../context.ts'
import { createChanges, type Changes } from './changes.ts'
import type { DeploymentsRepo } from './deployments.repo.ts'
import type { Report } from './reports.ts'
import type { EngineTimings } from './timings.ts'

type Entry = { report: Report; done: (reply: ReportReply) => void }
export type Recorder = ReturnType<typeof createRecorder>

/** Nothing is kept waiting in memory beyond this; further reports are refused and come again. */
const QUEUE_LIMIT = 20_000

export function createRecorder(deps: {
  repo: Pick<DeploymentsRepo, 'transaction'>
  apply: (report: Report, changes: Changes) => ReportReply
  log: Log
  timings: Pick<EngineTimings, 'batchMs' | 'batchSize'>
  committed: (changes: Changes) => void
}) {
  const { repo, apply, timings } = deps
  const queue: Entry[] = []
  let timer: NodeJS.Timeout | null = null
  let next: NodeJS.Immediate | null = null

  /** Commits these together. @throws what the store or a report throws; then nothing of them remains */
  function commit(batch: Entry[]): void {
    const changes = createChanges()
    const replies = repo.transaction(() => batch.map(({ report }) => apply(report, changes)))
    batch.forEach((entry, i) => entry.done(replies[i]!))
    deps.committed(changes)
  }

  /** Commits the oldest that wait, then acknowledges, then tells. One that cannot be applied is left out alone. */
  function flushBatch(): void {
    const batch = queue.splice(0, timings.batchSize)
    if (batch.length === 0) return
    try {
      return commit(batch)
    } catch (error) {
      if (batch.length > 1)
        deps.log.warn({ err: error, reports: batch.length }, 'reports are committed one by one')
    }
    for (const entry of batch)
      try {
        commit([entry])
      } catch (error) {
        const { kind, deviceId } = entry.report
        deps.log.error({ err: error, report: kind, deviceId }, 'a report could not be recorded')
        entry.done({ committed: false, message: 'it could not be recorded; send it again' })
      }
  }

  /** Batch by batch, others have a turn in between. */
  function work(): void {
    timer = next = null
    flushBatch()
    if (queue.length >= timings.batchSize) next = setImmediate(work)
    else if (queue.length > 0) timer = setTimeout(work, timings.batchMs)
  }

  return {
    /** Resolves after the commit. Never rejects. */
    take: (report: Report): Promise<ReportReply> =>
      new Promise((done) => {
        if (queue.length >= QUEUE_LIMIT)
          return done({ committed: false, message: 'too many reports at once, send it again' })
        queue.push({ report, done })
        if (next) return
        if (queue.length >= timings.batchSize) {
          if (timer) clearTimeout(timer)
          next = setImmediate(work)
        } else timer ??= setTimeout(work, timings.batchMs)
      }),
    /** Commits all that waits now. */
    flush(): void {
      while (queue.length > 0) flushBatch()
    },
  }
}
