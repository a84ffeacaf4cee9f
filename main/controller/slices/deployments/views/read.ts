/** Read access to deployments. Technicians see only their own; all others are reported as not found. */
import type {
  Attempt,
  Deployment,
  Progress,
  Target,
  TargetTotals,
} from '#shared/contract/rest/deployments.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { ReportSeparator } from '#shared/contract/rest/deployment-requests.ts'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import type { DeploymentId, TargetId, UserId } from '#shared/domain/ids.ts'
import { maySee, type Viewer } from '../../../base/context.ts'
import type { DeploymentRow, DeploymentsRepo, TargetRow } from '../tables/deployments.repo.ts'
import { ACTIVE } from './figures.ts'
import type { OutputsRepo } from '../tables/outputs.repo.ts'
import type { Restarts } from '../restarts/restarts.ts'
import { toCsv } from './report.ts'
import { toAttempt, toDeployment, toProgress, toTarget, totals } from './views.ts'
import type { Workbooks } from './workbook.ts'

export function createReader(deps: {
  repo: DeploymentsRepo
  outputs: OutputsRepo
  restarts: Pick<Restarts, 'countsOf'>
  workbooks: Workbooks
}) {
  const { repo, outputs, restarts } = deps

  /** @throws AppError E_NOT_FOUND */
  function visible(viewer: Viewer, id: DeploymentId): DeploymentRow {
    const row = repo.byId(id)
    if (!row || !maySee(viewer, row.created_by))
      throw new AppError('E_NOT_FOUND', 'This deployment does not exist.')
    return row
  }
  /** @throws AppError E_NOT_FOUND */
  function targetOf(viewer: Viewer, id: DeploymentId, targetId: TargetId): TargetRow {
    visible(viewer, id)
    const target = repo.target(targetId)
    if (target?.deployment_id !== id)
      throw new AppError('E_NOT_FOUND', 'This target does not exist.')
    return target
  }
  const view = (id: DeploymentId): Deployment => {
    const row = repo.byId(id)!
    return toDeployment(row, repo.creatorName(row), restarts.countsOf)
  }

  return {
    visible,
    view,

    list(
      viewer: Viewer,
      query: {
        status?: DeploymentRow['status'] | 'active'
        q?: string
        limit: number
        offset: number
        after?: DeploymentId | undefined
      },
    ) {
      const statuses =
        query.status === undefined ? null : query.status === 'active' ? ACTIVE : [query.status]
      const { rows, total, isCapped } = repo.page(
        { ownerId: viewer.role === 'admin' ? null : viewer.id, statuses, q: query.q },
        { limit: query.limit + 1, offset: query.offset, after: query.after },
      )
      const shown = rows.slice(0, query.limit)
      return {
        deployments: shown.map((row) =>
          toDeployment(
            row.deployment,
            row.deployment.created_by_name ?? row.creator,
            restarts.countsOf,
          ),
        ),
        total,
        total_is_capped: isCapped,
        next_after: rows.length > shown.length ? (shown.at(-1)?.deployment.id ?? null) : null,
      }
    },
    get(viewer: Viewer, id: DeploymentId): Deployment {
      visible(viewer, id)
      return view(id)
    },
    progress: (viewer: Viewer, id: DeploymentId): Progress =>
      toProgress(visible(viewer, id), repo.views(id, null)),
    report(viewer: Viewer, id: DeploymentId, separator: ReportSeparator): string {
      visible(viewer, id)
      return toCsv(repo.views(id, null).map(toTarget), separator)
    },
    /** The report as an Excel workbook. @throws AppError E_RATE_LIMITED */
    workbook(viewer: Viewer, id: DeploymentId): Promise<Buffer> {
      visible(viewer, id)
      return deps.workbooks.ofTargets(repo.views(id, null).map(toTarget))
    },
    /** Every attempt of a target, oldest first. @throws AppError E_NOT_FOUND */
    attempts(viewer: Viewer, id: DeploymentId, targetId: TargetId): Attempt[] {
      targetOf(viewer, id, targetId)
      return repo.attemptsOf(targetId).map(toAttempt)
    },
    /** The installer's output in the current attempt or an earlier one. @throws AppError E_NOT_FOUND */
    output(
      viewer: Viewer,
      id: DeploymentId,
      targetId: TargetId,
      number?: number,
    ): RouteReply<'deployments.output'> {
      const target = targetOf(viewer, id, targetId)
      const wanted = number ?? target.attempt
      const attempt = repo.attemptsOf(targetId).find((row) => row.attempt === wanted)
      if (number !== undefined && !attempt)
        throw new AppError('E_NOT_FOUND', `This target has no attempt ${number}.`)
      return {
        target_id: targetId,
        attempt: wanted,
        text: attempt ? outputs.text(attempt.attempt_id) : '',
        omitted_bytes: attempt?.output_omitted_bytes ?? 0,
        last_seq: attempt?.output_last_seq ?? 0,
      }
    },

    // ---- for the feed
    /** Null: none. Undefined: there is no such deployment. */
    ownerOf: (id: DeploymentId): UserId | null | undefined => repo.ownerOf(id),
    describe(id: DeploymentId): { deployment: Deployment; ownerId: UserId | null } | null {
      const row = repo.byId(id)
      return row ? { deployment: view(id), ownerId: row.created_by } : null
    },
    describeTargets: (
      id: DeploymentId,
      ids: TargetId[],
    ): { counts: TargetTotals; targets: Target[] } => ({
      counts: totals(repo.counts(id)),
      targets: repo.views(id, ids).map(toTarget),
    }),
  }
}
