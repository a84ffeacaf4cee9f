/** Rows of attempts, and the look-up of a reported attempt together with its target. */
import { eq, sql } from 'drizzle-orm'
import type { AttemptId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import { isEnded } from '#shared/domain/target-state.ts'
import { deploymentAttempts } from '../../../store/schema/index.ts'
import { createUpdater } from '../../../store/statements.ts'
import type { Store } from '../../../store/store.ts'
import type { TargetRow } from './targets.repo.ts'

export type AttemptRow = typeof deploymentAttempts.$inferSelect
/** The columns of an attempt and of its target that a report needs. */
type ReportedAttempt = {
  attempt_id: AttemptId
  attempt: number
  target_id: TargetId
  attempt_ended_at: string | null
  attempt_reason: TargetReason | null
}
type ReportedTarget = Pick<
  TargetRow,
  | 'id'
  | 'deployment_id'
  | 'device_id'
  | 'installer_id'
  | 'deployment_status'
  | 'reason'
  | 'started_at'
  | 'retry_until_ms'
  | 'held_since_ms'
> & { live_attempt_id: AttemptId | null; live_attempt: number }
export type ReportedRow = ReportedAttempt & ReportedTarget

export function createAttemptsRepo({ db, sqlite }: Store) {
  // Two look-ups by key: one statement that joins them takes five times as long.
  const reportedAttempt = sqlite.prepare<[string], ReportedAttempt>(
    'select attempt_id, attempt, target_id, ended_at attempt_ended_at, reason attempt_reason from deployment_attempts where attempt_id = ?',
  )
  const reportedTarget = sqlite.prepare<[number], ReportedTarget>(
    `select id, deployment_id, device_id, installer_id, deployment_status, reason, attempt_id live_attempt_id, attempt live_attempt,
            started_at, retry_until_ms, held_since_ms from deployment_targets where id = ?`,
  )
  function reported(id: AttemptId): ReportedRow | undefined {
    const attempt = reportedAttempt.get(id)
    const target = attempt && reportedTarget.get(attempt.target_id)
    return target && { ...attempt, ...target }
  }
  const attemptById = db
    .select()
    .from(deploymentAttempts)
    .where(eq(deploymentAttempts.attempt_id, sql.placeholder('id')))
    .prepare()
  const updateAttempt = createUpdater<AttemptRow>(sqlite, 'deployment_attempts', 'attempt_id')
  const insertAttempt = sqlite.prepare<[string, number, number, string]>(
    'insert into deployment_attempts (attempt_id, target_id, attempt, created_at) values (?, ?, ?, ?)',
  )

  return {
    reported,
    addAttempt: (
      row: Pick<AttemptRow, 'attempt_id' | 'target_id' | 'attempt' | 'created_at'>,
    ): void => {
      insertAttempt.run(row.attempt_id, row.target_id, row.attempt, row.created_at)
    },
    attempt: (id: AttemptId): AttemptRow | undefined => attemptById.get({ id }),
    attemptsOf: (id: TargetId): AttemptRow[] =>
      db
        .select()
        .from(deploymentAttempts)
        .where(eq(deploymentAttempts.target_id, id))
        .orderBy(deploymentAttempts.attempt)
        .all(),
    endAttempt: (id: AttemptId, end: Partial<AttemptRow>): void => updateAttempt(id, end),
    /** The device of the open target whose live attempt this is, or null. */
    deviceOfLiveAttempt(id: AttemptId): DeviceId | null {
      const row = reported(id)
      return row && row.live_attempt_id === id && !isEnded(row.deployment_status)
        ? row.device_id
        : null
    },
  }
}
