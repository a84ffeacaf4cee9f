/**
 * Who may make which decision about a deployment. What a decision changes, and when it is possible: core/decide.ts. Everything
 * that it depends on is read in the transaction that writes it.
 */
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeploymentId, DeviceId, InstallerId, TargetId } from '#shared/domain/ids.ts'
import type { Audit } from '../../audit/index.ts'
import { maySee, type Now, type Viewer } from '../../../base/context.ts'
import type { Software } from '../../software/index.ts'
import { createChanges, type Changes } from '../changes.ts'
import * as core from '../core/decide.ts'
import type { Writes } from '../core/writes.ts'
import type { DeploymentRow, DeploymentsRepo, TargetRow } from '../tables/deployments.repo.ts'
import type { Restarts } from '../restarts/restarts.ts'
import type { EngineTimings } from '../timings.ts'

/** A retry names at most this many targets in the audit log. */
const TARGETS_NAMED = 500

export function createControl(deps: {
  repo: Pick<
    DeploymentsRepo,
    'transaction' | 'activeIds' | 'byId' | 'failedTargets' | 'write' | 'extendOfferDeadlines'
  >
  restarts: Pick<Restarts, 'withdraw' | 'openDeployments'>
  audit: Audit
  software: Pick<Software, 'retryFetches'>
  /** The installer that fits the device of a target; null when there is none. */
  installerFor: (target: Pick<TargetRow, 'device_id' | 'software_id'>) => InstallerId | null
  /** @throws AppError E_NOT_FOUND when it does not exist or the viewer may not see it */
  visible: (viewer: Viewer, id: DeploymentId) => DeploymentRow
  view: (id: DeploymentId) => Deployment
  /** Called after the commit. */
  decided: (changes: Changes) => void
  now: Now
  timings: Pick<EngineTimings, 'offerTimeoutMs'>
}) {
  const { repo, audit, now } = deps

  function decide<T>(work: (changes: Changes) => T): T {
    const changes = createChanges()
    const result = repo.transaction(() => work(changes))
    deps.decided(changes)
    return result
  }
  function write(writes: Writes, changes: Changes): void {
    repo.write(writes)
    for (const { target } of writes.targets) changes.target(target.deployment_id, target.id)
    for (const { id } of writes.deployments) {
      changes.deployment(id)
      changes.toRun.add(id)
    }
  }
  /** Decides about one deployment and returns its view. */
  function decideOn(
    viewer: Viewer,
    id: DeploymentId,
    work: (row: DeploymentRow, changes: Changes) => void,
  ): Deployment {
    decide((changes) => work(deps.visible(viewer, id), changes))
    return deps.view(id)
  }
  const named = (row: DeploymentRow): string => `deployment ${row.name}`

  return {
    /** @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE */
    cancel: (viewer: Viewer, id: DeploymentId): Deployment =>
      decideOn(viewer, id, (row, changes) => {
        write(core.cancel(row), changes)
        audit.record(viewer, 'deployment.cancel', named(row), '', { deploymentId: id })
      }),
    /**
     * Cancels restarts of a deployment, ended or not: those of these devices, or all, including those that are not pending yet.
     * @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE when there is nothing to cancel
     */
    cancelRestarts: (
      viewer: Viewer,
      id: DeploymentId,
      deviceIds: DeviceId[] | undefined,
    ): Deployment =>
      decideOn(viewer, id, (row, changes) => {
        const selected = deviceIds && new Set(deviceIds)
        const count = deps.restarts.withdraw(id, (device) => selected?.has(device) ?? true, changes)
        if (count === 0 && (selected || !core.mayRestart(row)))
          throw AppError.of('no_restart_waits', {})
        if (!selected) write(core.cancelRestarts(row), changes)
        audit.record(
          viewer,
          'deployment.restarts_cancel',
          named(row),
          selected ? `${count} devices` : `all, of which ${count} were waiting or announced`,
          { deploymentId: id, data: { called_off: count, device_ids: deviceIds ?? null } },
        )
      }),
    /** Emergency stop: cancels every active deployment that the viewer may cancel. Returns their ids. */
    stopAll: (viewer: Viewer): DeploymentId[] =>
      decide((changes) => {
        const mine = (ids: Iterable<DeploymentId>): DeploymentRow[] =>
          [...ids]
            .flatMap((id) => repo.byId(id) ?? [])
            .filter((row) => maySee(viewer, row.created_by))
        const rows = mine(repo.activeIds()).filter((row) => !row.canceling)
        write(core.stopAll(rows), changes)
        // Restarts outlive their deployments.
        let restarts = 0
        for (const row of mine(deps.restarts.openDeployments())) {
          write(core.cancelRestarts(row), changes)
          restarts += deps.restarts.withdraw(row.id, () => true, changes)
        }
        const ids = rows.map((row) => row.id)
        audit.record(
          viewer,
          'deployment.stop_all',
          `${rows.length} deployments`,
          rows.map((row) => row.name).join(', '),
          { data: { deployment_ids: ids, restarts_called_off: restarts } },
        )
        return ids
      }),
    /** Nothing new starts; running targets continue. @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE */
    pause: (viewer: Viewer, id: DeploymentId): Deployment =>
      decideOn(viewer, id, (row, changes) => {
        const writes = core.pause(row, viewer.username)
        if (!writes) return
        write(writes, changes)
        audit.record(viewer, 'deployment.pause', named(row), '', { deploymentId: id })
      }),
    /** Continues with a new round: earlier failures no longer count. @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE */
    resume: (viewer: Viewer, id: DeploymentId): Deployment =>
      decideOn(viewer, id, (row, changes) => {
        write(core.resume(row, now()), changes)
        repo.extendOfferDeadlines(id, now() + deps.timings.offerTimeoutMs)
        audit.record(viewer, 'deployment.resume', named(row), '', { deploymentId: id })
      }),

    /** Retries failed targets: all of them, or the chosen ones. @throws AppError E_ILLEGAL_STATE, E_NOT_FOUND */
    retry(viewer: Viewer, id: DeploymentId, targetIds: TargetId[] | undefined): Deployment {
      const chosen = (row: DeploymentRow): TargetRow[] =>
        core.chooseRetried(row, repo.failedTargets(id), targetIds)
      // Before the targets reopen: a target whose package is still marked as failed would fail immediately.
      deps.software.retryFetches(
        chosen(deps.visible(viewer, id)).flatMap((target) => target.installer_id ?? []),
      )
      return decideOn(viewer, id, (row, changes) => {
        // Use what the library has for the PC today: the installer may have been corrected, replaced or added since.
        const targets = chosen(row).map((target) => ({
          ...target,
          installer_id: deps.installerFor(target),
        }))
        write(core.retry(row, targets, now()), changes)
        audit.record(viewer, 'deployment.retry', named(row), `${targets.length} targets`, {
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
        })
      })
    },
  }
}
