/** What a person's decision about a deployment changes, and when it is possible. Pure. Who may decide: people/control.ts. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { AppError } from '#shared/contract/errors.ts'
import { ENDED_DEPLOYMENT_STATES, nextDeploymentState } from '#shared/domain/deployment-state.ts'
import type { TargetId } from '#shared/domain/ids.ts'
import { isoTime } from '../../../base/context.ts'
import type { DeploymentRow, TargetChange, TargetRow } from '../tables/rows.ts'
import { NO_RESULT, NOT_PAUSED, pauseColumns } from './coded-columns.ts'
import { noWrites, type Writes } from './writes.ts'

type Row = Pick<DeploymentRow, 'id' | 'status' | 'canceling' | 'paused' | 'reboot'>

/** Resets the failure count and the wait for devices. */
const newRound = (nowMs: number) => ({ round_completed: 0, round_failed: 0, ready_since_ms: nowMs })

export const hasEnded = ({ status }: Pick<Row, 'status'>): boolean =>
  (ENDED_DEPLOYMENT_STATES as readonly string[]).includes(status)

const changing = (row: Row, change: Writes['deployments'][number]['change']): Writes => ({
  ...noWrites(),
  deployments: [{ id: row.id, from: row.status, event: null, change }],
})

/**
 * Nothing new starts and downloads stop. Running installers finish, and their results are recorded.
 * @throws AppError E_ILLEGAL_STATE
 */
export function cancel(row: Row): Writes {
  if (hasEnded(row)) throw AppError.of('deployment_ended', {})
  return changing(row, { canceling: true, ...NOT_PAUSED })
}

/** The emergency stop: every one of these that is not being cancelled already. */
export const stopAll = (rows: readonly Row[]): Writes => ({
  ...noWrites(),
  deployments: rows
    .filter((row) => !row.canceling && !hasEnded(row))
    .flatMap((row) => cancel(row).deployments),
})

/** No further restart follows; those already ordered are withdrawn separately. */
export const cancelRestarts = (row: Row): Writes => changing(row, { restarts_canceled: true })

/** Whether restarts may still follow, beyond those that are pending now. */
export const mayRestart = (row: Row): boolean => !hasEnded(row) && row.reboot === 'if_needed'

/**
 * Nothing new starts; running targets continue. Null: it is paused already.
 * @throws AppError E_ILLEGAL_STATE
 */
export function pause(row: Row, username: string): Writes | null {
  if (row.status === 'pending') throw AppError.of('deployment_not_started', {})
  if (row.status !== 'in_progress' || row.canceling) throw AppError.of('deployment_not_running', {})
  if (row.paused) return null
  return changing(row, {
    paused: true,
    pause_reason: 'person',
    ...pauseColumns(coded('paused_by', { user: username })),
  })
}

/** Continues with a new round: earlier failures no longer count. @throws AppError E_ILLEGAL_STATE */
export function resume(row: Row, nowMs: number): Writes {
  if (!row.paused) throw AppError.of('deployment_not_paused', {})
  return changing(row, { ...NOT_PAUSED, ...newRound(nowMs) })
}

/**
 * The failed targets that are retried: all of them, or the chosen ones.
 * @throws AppError E_ILLEGAL_STATE
 */
export function chooseRetried(
  row: Row,
  failed: readonly TargetRow[],
  chosen: readonly TargetId[] | undefined,
): TargetRow[] {
  const byId = new Map(failed.map((target) => [target.id, target]))
  const ids = chosen ?? [...byId.keys()]
  const wrong = ids.flatMap((id, i) =>
    byId.has(id) ? [] : [{ path: `/target_ids/${i}`, message: `target ${id} has not failed` }],
  )
  if (wrong.length > 0) throw AppError.of('target_not_failed', {}, wrong.slice(0, 20))
  if (ids.length === 0) throw AppError.of('nothing_failed', {})
  if (row.status === 'in_progress' && row.canceling) throw AppError.of('deployment_canceling', {})
  if (row.status !== 'in_progress' && nextDeploymentState(row.status, 'retried') === null)
    throw AppError.of('deployment_not_retryable', {})
  return [...new Set(ids)].map((id) => byId.get(id)!)
}

/** A target as it was before its first attempt. */
const FRESH = {
  attempt_id: null,
  restart_id: null,
  reason: null,
  ...NO_RESULT,
  error_details: null,
  exit_code: null,
  bytes: null,
  started_at: null,
  completed_at: null,
  offered_at_ms: null,
  not_before_ms: null,
  deadline_ms: null,
  retry_until_ms: null,
  held_by: null,
  held_since_ms: null,
} as const satisfies TargetChange

/**
 * Retries these failed targets, each with the installer it names. After the end of the deployment a new round starts; before,
 * they belong to the current one.
 */
export function retry(row: Row, failed: readonly TargetRow[], nowMs: number): Writes {
  const targets = failed.map((target) => ({
    target,
    events: ['retried'] as const,
    change: {
      ...FRESH,
      attempt: target.attempt + 1,
      installer_id: target.installer_id,
      since: isoTime(nowMs),
    },
  }))
  // The retry reopens the current wave.
  const reopened = { wave_ended_at_ms: null }
  const deployment =
    row.status === 'in_progress'
      ? { id: row.id, from: row.status, event: null, change: reopened }
      : {
          id: row.id,
          from: row.status,
          event: 'retried' as const,
          change: { ...reopened, ended_at: null, canceling: false, ...newRound(nowMs) },
        }
  return { targets, attempts: [], deployments: [deployment] }
}
