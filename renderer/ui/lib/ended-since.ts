/** Derives feed events for deployments from two successive answers of the controller. */
import type { DeploymentCompleted, DeploymentPaused } from '#shared/contract/feed.ts'
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { isActive } from './states.ts'

type Known = ReadonlyMap<DeploymentId, Deployment>

function completion(d: Deployment): DeploymentCompleted | null {
  if (d.ended_at === null || d.status === 'pending' || d.status === 'in_progress') return null
  return {
    deployment_id: d.id,
    deployment_name: d.name,
    action: d.action,
    status: d.status,
    success_count: d.counts.completed,
    failure_count: d.counts.failed,
    skipped_count: d.counts.skipped,
    total_count: d.counts.total,
    created_at: d.created_at,
    ended_at: d.ended_at,
  }
}

/** Deployments that were active before and have ended since. */
export const endedSince = (before: Known, now: Known): DeploymentCompleted[] =>
  [...before.values()].flatMap((was) => {
    const is = now.get(was.id)
    return isActive(was.status) && is && !isActive(is.status) ? (completion(is) ?? []) : []
  })

/** Deployments that failures have paused since. */
export const pausedSince = (before: Known, now: Known, at: string): DeploymentPaused[] =>
  [...before.values()].flatMap((was) => {
    const is = now.get(was.id)
    if (!is?.paused || was.paused || is.pause_reason !== 'failure_threshold') return []
    return {
      deployment_id: is.id,
      deployment_name: is.name,
      action: is.action,
      message: is.pause_message ?? '',
      ...(is.pause_code && is.pause_params && { code: is.pause_code, params: is.pause_params }),
      failure_count: is.counts.failed,
      total_count: is.counts.total,
      paused_at: at,
    }
  })
