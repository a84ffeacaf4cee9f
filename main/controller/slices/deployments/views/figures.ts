/** Sums over deployments, for the dashboard, the tray and the warning before quitting. */
import type { Stats } from '#shared/contract/rest/hub.ts'
import { ACTIVE_DEPLOYMENT_STATES } from '#shared/domain/deployment-state.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { isoTime, type Now, type Viewer } from '../../../base/context.ts'
import type { DeploymentRow, DeploymentsRepo } from '../tables/deployments.repo.ts'
import { totals } from './views.ts'

export const ACTIVE: DeploymentRow['status'][] = [...ACTIVE_DEPLOYMENT_STATES]

/** A deployment that has not ended. */
export type ActiveDeployment = {
  id: DeploymentId
  name: string
  /** Counts of targets: this, `failed` and `total`. */
  ended: number
  failed: number
  total: number
  /** It waits for a decision. */
  is_paused_by_failures: boolean
}

export function createFigures({
  repo,
  now,
}: {
  repo: Pick<DeploymentsRepo, 'statusCounts' | 'endedSince' | 'activeIds' | 'byId' | 'runningCount'>
  now: Now
}) {
  return {
    /** Of all deployments for an administrator, otherwise of the viewer's own. */
    stats(viewer: Viewer): Pick<Stats, 'deployments' | 'last_7_days'> {
      const ownerId = viewer.role === 'admin' ? null : viewer.id
      const by = new Map(repo.statusCounts(ownerId).map((row) => [row.status, row.n]))
      const of = (...states: DeploymentRow['status'][]) =>
        states.reduce((sum, state) => sum + (by.get(state) ?? 0), 0)
      return {
        deployments: {
          total: [...by.values()].reduce((a, b) => a + b, 0),
          active: of(...ACTIVE),
          completed: of('completed'),
          failed: of('failed'),
          partial: of('partial'),
          canceled: of('canceled'),
        },
        last_7_days: repo.endedSince(isoTime(now() - 7 * 24 * 3_600_000), ownerId),
      }
    },
    /** What runs now, for the tray and the warning before quitting. */
    activity(): {
      active_deployments: ActiveDeployment[]
      running_targets: number
    } {
      return {
        active_deployments: repo.activeIds().map((id) => {
          const { name, ...row } = repo.byId(id)!
          return {
            id,
            name,
            ended: row.completed + row.failed + row.skipped,
            failed: row.failed,
            is_paused_by_failures: row.paused && row.pause_reason === 'failure_threshold',
            total: totals(row).total,
          }
        }),
        running_targets: repo.runningCount(),
      }
    },
  }
}
