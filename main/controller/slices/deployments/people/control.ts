/** Who may make which decision about a running deployment, and when. decisions.ts writes it. */
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import { AppError } from '#shared/contract/errors.ts'
import { ENDED_DEPLOYMENT_STATES, nextDeploymentState } from '#shared/domain/deployment-state.ts'
import type { DeploymentId, DeviceId, InstallerId, TargetId } from '#shared/domain/ids.ts'
import type { Audit } from '../../audit/index.ts'
import { maySee, type Viewer } from '../../../base/context.ts'
import type { Software } from '../../software/index.ts'
import { createChanges, type Changes } from '../changes.ts'
import type { Decisions } from './decisions.ts'
import type { DeploymentRow, DeploymentsRepo, TargetRow } from '../tables/deployments.repo.ts'
import type { Restarts } from '../restarts/restarts.ts'

/** A retry names at most this many targets in the audit log. */
const TARGETS_NAMED = 500

export function createControl(deps: {
  repo: Pick<DeploymentsRepo, 'transaction' | 'activeIds' | 'byId' | 'failedTargets'>
  decisions: Decisions
  restarts: Pick<Restarts, 'callOff' | 'openDeployments'>
  audit: Audit
  software: Pick<Software, 'retryFetches'>
  /** The installer that fits the device of a target; null when there is none. */
  installerFor: (target: Pick<TargetRow, 'device_id' | 'software_id'>) => InstallerId | null
  /** @throws AppError E_NOT_FOUND when it does not exist or the viewer may not see it */
  visible: (viewer: Viewer, id: DeploymentId) => DeploymentRow
  view: (id: DeploymentId) => Deployment
  /** Called after the commit. */
  decided: (changes: Changes) => void
}) {
  const { repo, decisions, visible, view } = deps

  function decide(work: (changes: Changes) => void): void {
    const changes = createChanges()
    repo.transaction(() => work(changes))
    deps.decided(changes)
  }
  const hasEnded = (row: DeploymentRow) =>
    (ENDED_DEPLOYMENT_STATES as readonly string[]).includes(row.status)

  return {
    /** Nothing new starts and downloads stop. Running installers finish, and their results are recorded. */
    cancel(viewer: Viewer, id: DeploymentId): Deployment {
      const row = visible(viewer, id)
      if (hasEnded(row)) throw new AppError('E_ILLEGAL_STATE', 'This deployment has ended already.')
      decide((changes) => {
        decisions.cancel(id, changes)
        deps.audit.record(viewer, 'deployment.cancel', `deployment ${row.name}`, '', {
          deploymentId: id,
        })
      })
      return view(id)
    },
    /**
     * Cancels restarts of a deployment, ended or not: those of these devices, or all, including those that are not pending yet.
     * @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE when there is nothing to cancel
     */
    cancelRestarts(
      viewer: Viewer,
      id: DeploymentId,
      deviceIds: DeviceId[] | undefined,
    ): Deployment {
      const row = visible(viewer, id)
      const selected = deviceIds && new Set(deviceIds)
      decide((changes) => {
        const count = deps.restarts.callOff(id, (device) => selected?.has(device) ?? true, changes)
        const mayFollow = !selected && !hasEnded(row) && row.reboot === 'if_needed'
        if (count === 0 && !mayFollow)
          throw new AppError(
            'E_ILLEGAL_STATE',
            'No restart of this deployment waits or is announced.',
          )
        if (!selected) decisions.cancelRestarts(id, changes)
        deps.audit.record(
          viewer,
          'deployment.restarts_cancel',
          `deployment ${row.name}`,
          selected ? `${count} devices` : `all, of which ${count} were waiting or announced`,
          { deploymentId: id, data: { called_off: count, device_ids: deviceIds ?? null } },
        )
      })
      return view(id)
    },
    /** Emergency stop: cancels every active deployment that the viewer may cancel. Returns their ids. */
    stopAll(viewer: Viewer): DeploymentId[] {
      const rows = repo
        .activeIds()
        .map((id) => repo.byId(id)!)
        .filter((row) => maySee(viewer, row.created_by) && !row.canceling)
      decide((changes) => {
        for (const { id } of rows) decisions.cancel(id, changes)
        // Restarts outlive their deployments.
        const restarting = [...deps.restarts.openDeployments()].filter((id) =>
          maySee(viewer, repo.byId(id)!.created_by),
        )
        let restarts = 0
        for (const id of restarting) {
          decisions.cancelRestarts(id, changes)
          restarts += deps.restarts.callOff(id, () => true, changes)
        }
        deps.audit.record(
          viewer,
          'deployment.stop_all',
          `${rows.length} deployments`,
          rows.map((row) => row.name).join(', '),
          { data: { deployment_ids: rows.map((row) => row.id), restarts_called_off: restarts } },
        )
      })
      return rows.map((row) => row.id)
    },
    /** Nothing new starts; running targets continue. @throws AppError E_ILLEGAL_STATE */
    pause(viewer: Viewer, id: DeploymentId): Deployment {
      const row = visible(viewer, id)
      if (row.status !== 'in_progress' || row.canceling)
        throw new AppError(
          'E_ILLEGAL_STATE',
          row.status === 'pending'
            ? 'This deployment has not started yet. Cancel it instead.'
            : 'This deployment is not running.',
        )
      if (row.paused) return view(id)
      decide((changes) => {
        decisions.pause(id, viewer.username, changes)
        deps.audit.record(viewer, 'deployment.pause', `deployment ${row.name}`, '', {
          deploymentId: id,
        })
      })
      return view(id)
    },
    /** Continues with a new round: earlier failures no longer count. @throws AppError E_ILLEGAL_STATE */
    resume(viewer: Viewer, id: DeploymentId): Deployment {
      const row = visible(viewer, id)
      if (!row.paused) throw new AppError('E_ILLEGAL_STATE', 'This deployment is not paused.')
      decide((changes) => {
        decisions.resume(id, changes)
        deps.audit.record(viewer, 'deployment.resume', `deployment ${row.name}`, '', {
          deploymentId: id,
        })
      })
      return view(id)
    },

    /** Retries failed targets: all of them, or the chosen ones. @throws AppError E_ILLEGAL_STATE, E_NOT_FOUND */
    retry(viewer: Viewer, id: DeploymentId, targetIds: TargetId[] | undefined): Deployment {
      const row = visible(viewer, id)
      const failed = new Map(repo.failedTargets(id).map((target) => [target.id, target]))
      const chosen = targetIds ?? [...failed.keys()]
      const wrong = chosen.flatMap((targetId, i) =>
        failed.has(targetId)
          ? []
          : [{ path: `/target_ids/${i}`, message: `target ${targetId} has not failed` }],
      )
      if (wrong.length > 0)
        throw new AppError(
          'E_ILLEGAL_STATE',
          'Only failed targets can be tried again.',
          wrong.slice(0, 20),
        )
      if (chosen.length === 0)
        throw new AppError('E_ILLEGAL_STATE', 'No target of this deployment has failed.')
      if (row.status === 'in_progress' && row.canceling)
        throw new AppError(
          'E_ILLEGAL_STATE',
          'This deployment is being cancelled. Try again once it has ended.',
        )
      if (row.status !== 'in_progress' && nextDeploymentState(row.status, 'retried') === null)
        throw new AppError('E_ILLEGAL_STATE', 'This deployment cannot be retried now.')
      // Before the targets reopen: a target whose package is still marked as failed would fail immediately.
      deps.software.retryFetches(
        chosen.flatMap((targetId) => failed.get(targetId)?.installer_id ?? []),
      )
      decide((changes) => {
        // Use what the library has for the PC today: the installer may have been corrected, replaced or added since.
        const targets = [...new Set(chosen)].map((targetId) => {
          const target = failed.get(targetId)!
          return { ...target, installer_id: deps.installerFor(target) }
        })
        decisions.retry(row, targets, changes)
        deps.audit.record(
          viewer,
          'deployment.retry',
          `deployment ${row.name}`,
          `${chosen.length} targets`,
          {
            deploymentId: id,
            data: {
              targets: targets.slice(0, TARGETS_NAMED).map((target) => ({
                target_id: target.id,
                device_id: target.device_id,
                software_id: target.software_id,
                installer_id: target.installer_id,
              })),
              target_count: targets.length,
            },
          },
        )
      })
      deps.software.retryFetches(
        chosen.flatMap((targetId) => failed.get(targetId)?.installer_id ?? []),
      )
      return view(id)
    },
  }
}
