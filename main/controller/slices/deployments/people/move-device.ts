/** Moves the deployments of a device to another row: its PC was reinstalled and enrolled again. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeploymentId, DeviceId, InstallerId, SoftwareId } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../../../base/context.ts'
import { endColumns } from '../core/coded-columns.ts'
import { createChanges, type Changes } from '../changes.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'

export function createMoveDevice(deps: {
  repo: DeploymentsRepo
  now: Now
  installerFor: (target: { device_id: DeviceId; software_id: SoftwareId }) => InstallerId | null
  /** Drops the targets of this deployment from memory. */
  forget: (id: DeploymentId) => void
}) {
  const { repo } = deps

  /**
   * Inside the caller's transaction. A deployment that targets both rows keeps both targets.
   * @throws AppError E_ILLEGAL_STATE while something is still running on the old row, as far as is known
   */
  return (from: DeviceId, to: DeviceId): Changes => {
    const open = repo.openTargetsOfDevice(from)
    if (open.some((row) => row.deployment_status !== 'pending' || row.offered_at_ms !== null))
      throw AppError.of('device_working', {})
    const changes = createChanges()
    for (const id of repo.moveTargets(from, to)) {
      deps.forget(id)
      changes.deployment(id)
    }
    const iso = isoTime(deps.now())
    for (const before of open) {
      const row = repo.target(before.id)
      if (row?.device_id !== to) continue
      // Everything the old agent received was lost with its disk.
      if (row.attempt_id)
        repo.endAttempts([
          {
            id: row.attempt_id,
            end: {
              ended_at: iso,
              status: 'failed',
              reason: 'interrupted',
              ...endColumns(coded('device_reinstalled', {})),
            },
          },
        ])
      repo.changeTarget(row, {
        installer_id: deps.installerFor(row),
        ...(row.attempt_id && { attempt: row.attempt + 1 }),
        attempt_id: null,
        not_before_ms: null,
        deadline_ms: null,
        held_by: null,
        held_since_ms: null,
      })
      changes.target(row.deployment_id, row.id)
      changes.toRun.add(row.deployment_id)
    }
    return changes
  }
}
