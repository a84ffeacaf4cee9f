/**
 * Full checks while the controller runs: one at a time, in a separate thread, started by
 * administrators.
 */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Cancel, Clock } from '#shared/node/clock.ts'
import { reportOf, type CheckStatus } from '#shared/contract/rest/check.ts'
import { AppError } from '#shared/contract/errors.ts'
import { isoTime, type Log, type Now } from '../../base/context.ts'
import type { CheckInput } from './full.ts'
import type { CheckMessage } from './worker.ts'

/** Hashing terabytes takes hours; anything longer hangs. */
const LIMIT_MS = 12 * 3_600_000

export type Checks = ReturnType<typeof createChecks>

export function createChecks(deps: {
  input: () => CheckInput
  /** Where the built worker threads are; null: they run from the sources. */
  workersDir: string | null
  now: Now
  clock: Clock
  log: Log
}) {
  const { workersDir, now, log } = deps
  const file = workersDir ? join(workersDir, 'check.js') : join(import.meta.dirname, 'worker.ts')
  let status: CheckStatus = {
    state: 'idle',
    step: null,
    done_bytes: 0,
    total_bytes: 0,
    started_at: null,
    ended_at: null,
    report: null,
  }
  let running: { worker: Worker; cancelLimit: Cancel } | null = null

  function end(change: Pick<CheckStatus, 'state'> & Partial<CheckStatus>): void {
    if (!running) return
    const { worker, cancelLimit } = running
    running = null
    cancelLimit()
    status = { ...status, step: null, ended_at: isoTime(now()), ...change }
    void worker.terminate()
  }

  return {
    status: (): CheckStatus => status,

    /** @throws AppError E_ILLEGAL_STATE while one is running */
    start(): CheckStatus {
      if (running) throw AppError.of('check_running', {})
      const worker = new Worker(file, { workerData: deps.input() })
      const cancelLimit = deps.clock.setTimer(LIMIT_MS, () => end({ state: 'failed' }))
      running = { worker, cancelLimit }
      const started_at = isoTime(now())
      status = {
        ...status,
        state: 'running',
        step: 'database',
        done_bytes: 0,
        total_bytes: 0,
        started_at,
        ended_at: null,
      }
      const isMine = (): boolean => running?.worker === worker
      worker.on('message', (message: CheckMessage) => {
        if (!isMine()) return
        if ('progress' in message) status = { ...status, ...message.progress }
        else {
          const report = reportOf(message.findings)
          log.info({ findings: report.findings.length }, 'the controller was checked')
          end({ state: 'done', report, done_bytes: status.total_bytes })
        }
      })
      worker.on('error', (err) => {
        log.error({ err }, 'the check of the controller failed')
        if (isMine()) end({ state: 'failed' })
      })
      worker.on('exit', () => {
        if (isMine()) end({ state: 'failed' })
      })
      worker.unref()
      return status
    },

    /** Ends a running check; an earlier result stays. */
    cancel(): CheckStatus {
      end({ state: 'canceled' })
      return status
    },

    stop: async (): Promise<void> => {
      const worker = running?.worker
      end({ state: 'canceled' })
      await worker?.terminate()
    },
  }
}
