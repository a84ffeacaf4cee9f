/** Writes a person's decision inside the caller's transaction. control.ts checks who may decide, and when. */
import type { DeploymentId } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../../../base/context.ts'
import type { Changes } from '../changes.ts'
import type { DeploymentRow, DeploymentsRepo, TargetRow } from '../tables/deployments.repo.ts'
import type { EngineTimings } from '../timings.ts'

export type Decisions = ReturnType<typeof createDecisions>

const NOT_PAUSED = { paused: false, pause_reason: null, pause_message: null } as const

export function createDecisions(deps: {
  repo: Pick<DeploymentsRepo, 'update' | 'step' | 'renewPatience'>
  now: Now
  timings: Pick<EngineTimings, 'offerPatienceMs'>
}) {
  const { repo, now } = deps
  /** Resets the failure count and the wait for devices. */
  const newRound = () => ({ round_completed: 0, round_failed: 0, ready_since_ms: now() })

  const changed = (id: DeploymentId, changes: Changes) => {
    changes.deployment(id)
    changes.owing.add(id)
  }

  return {
    /** Nothing new starts and downloads stop. Running installers finish, and their results are recorded. */
    cancel(id: DeploymentId, changes: Changes): void {
      repo.update(id, { canceling: true, ...NOT_PAUSED })
      changed(id, changes)
    },
    /** No further restart follows; those already ordered are withdrawn separately. */
    cancelRestarts(id: DeploymentId, changes: Changes): void {
      repo.update(id, { restarts_canceled: true })
      changed(id, changes)
    },
    pause(id: DeploymentId, username: string, changes: Changes): void {
      repo.update(id, {
        paused: true,
        pause_reason: 'person',
        pause_message: `Paused by ${username}.`,
      })
      changed(id, changes)
    },
    resume(id: DeploymentId, changes: Changes): void {
      repo.update(id, { ...NOT_PAUSED, ...newRound() })
      repo.renewPatience(id, now() + deps.timings.offerPatienceMs)
      changed(id, changes)
    },
    /** Retries these failed targets, each with the installer it names. After the end it starts a new round; before, it belongs to the current one. */
    retry(
      row: Pick<DeploymentRow, 'id' | 'status'>,
      failed: readonly TargetRow[],
      changes: Changes,
    ): void {
      const { id } = row
      for (const target of failed) {
        repo.step(target, 'retried', {
          attempt: target.attempt + 1,
          installer_id: target.installer_id,
          attempt_id: null,
          restart_id: null,
          reason: null,
          result_message: null,
          error_details: null,
          exit_code: null,
          bytes: null,
          started_at: null,
          completed_at: null,
          since: isoTime(now()),
          offered_at_ms: null,
          not_before_ms: null,
          deadline_ms: null,
          retry_until_ms: null,
          held_by: null,
          held_since_ms: null,
        })
        changes.target(id, target.id)
      }
      if (row.status !== 'in_progress')
        repo.update(id, {
          status: 'in_progress',
          ended_at: null,
          canceling: false,
          wave_ended_at_ms: null,
          ...newRound(),
        })
      // The retry reopens the current wave.
      else repo.update(id, { wave_ended_at_ms: null })
      changed(id, changes)
    },
  }
}
