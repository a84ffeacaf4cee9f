/** Converts a deployment's row into the input of `plan()`. */
import type { DeploymentRow } from '../tables/rows.ts'
import type { PlanDeployment } from './plan.ts'

/** Pure. Converts seconds and minutes to milliseconds and fills in the defaults. */
export const toPlan = (row: DeploymentRow): PlanDeployment => {
  const { strategy } = row
  return {
    status: row.status,
    paused: row.paused,
    canceling: row.canceling,
    maxConcurrent: strategy.max_concurrent,
    offlinePolicy: row.offline_policy,
    waitMs: row.wait_minutes * 60_000,
    wave: row.wave,
    waveEndedAtMs: row.wave_ended_at_ms,
    restBetweenWavesMs: (strategy.pause_seconds ?? 0) * 1000,
    threshold:
      strategy.failure_threshold_percent === undefined
        ? null
        : {
            percent: strategy.failure_threshold_percent,
            minExecuted: strategy.min_executed ?? 1,
          },
    round: { completed: row.round_completed, failed: row.round_failed },
    readySinceMs: row.ready_since_ms,
    scheduledAtMs: row.scheduled_at === null ? null : Date.parse(row.scheduled_at),
    window: row.maintenance_window,
  }
}
