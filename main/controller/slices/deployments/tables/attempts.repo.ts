/** Rows of attempts. */
import { eq, sql } from 'drizzle-orm'
import type { AttemptId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import { deploymentAttempts } from '../../../store/schema/index.ts'
import { OPEN_TARGETS } from '../../../store/state-lists.ts'
import { createUpdater } from '../../../store/statements.ts'
import type { Store } from '../../../store/store.ts'
import type { AttemptWrite } from '../core/writes.ts'
import type { AttemptOutputChange, AttemptRow, ReportedAttempt } from './rows.ts'

export function createAttemptsRepo({ db, sqlite }: Store) {
  const reportedAttempt = sqlite.prepare<[string], ReportedAttempt>(
    'select attempt_id, attempt, target_id, ended_at attempt_ended_at, reason attempt_reason from deployment_attempts where attempt_id = ?',
  )
  const attemptById = db
    .select()
    .from(deploymentAttempts)
    .where(eq(deploymentAttempts.attempt_id, sql.placeholder('id')))
    .prepare()
  const liveDevice = sqlite
    .prepare<[string], DeviceId>(
      `select t.device_id from deployment_attempts a cross join deployment_targets t
       where a.attempt_id = ? and t.id = a.target_id and t.attempt_id = a.attempt_id
       and t.deployment_status in ${OPEN_TARGETS}`,
    )
    .pluck()
  const updateAttempt = createUpdater<AttemptRow>(sqlite, 'deployment_attempts', 'attempt_id')
  const insertAttempt = sqlite.prepare<[string, number, number, string]>(
    'insert into deployment_attempts (attempt_id, target_id, attempt, created_at) values (?, ?, ?, ?)',
  )

  return {
    /** For judging reports. Unknown ids are left out. */
    reportedAttempts: (ids: Iterable<AttemptId>): ReportedAttempt[] =>
      [...ids].flatMap((id) => reportedAttempt.get(id) ?? []),
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
    endAttempts: (writes: readonly AttemptWrite[]): void => {
      for (const { id, end } of writes) updateAttempt(id, end)
    },
    /** The columns about its output. */
    changeOutput: (id: AttemptId, change: AttemptOutputChange): void => updateAttempt(id, change),
    /** The device of the open target whose live attempt this is, or null. */
    deviceOfLiveAttempt: (id: AttemptId): DeviceId | null => liveDevice.get(id) ?? null,
  }
}
