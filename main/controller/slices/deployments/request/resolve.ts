/**
 * Decides which PCs a scheduled deployment reaches, when it starts. Until then its targets are a preview, updated when one of
 * its groups changes. Waves are also cut at the start, so that PCs that are online then come first.
 */
import type { DeploymentId, DeviceId, UserId } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../../../base/context.ts'
import type { DeviceRow } from '../../devices/index.ts'
import { cutIntoWaves, type ChoiceDeps } from './choose.ts'
import { targetsOf } from './create.ts'
import type {
  DeploymentRow,
  DeploymentsRepo,
  NewTarget,
  OpenTargetRow,
} from '../tables/deployments.repo.ts'
import type { AuditRecords } from '../audit-records.ts'

type Place = Pick<OpenTargetRow, 'device_id' | 'software_id' | 'installer_id' | 'position' | 'wave'>
const placeText = (target: Place): string =>
  [target.device_id, target.software_id, target.installer_id, target.position, target.wave].join()
const isSame = (before: readonly Place[], after: readonly Place[]): boolean =>
  before.length === after.length &&
  new Set([...before, ...after].map(placeText)).size === before.length

export type Resolve = ReturnType<typeof createResolve>

export function createResolve(
  deps: ChoiceDeps & {
    repo: Pick<
      DeploymentsRepo,
      'byId' | 'allTargets' | 'replaceTargets' | 'transaction' | 'roleOf' | 'pendingWithGroup'
    >
    auditRecords: Pick<AuditRecords, 'resolved'>
    now: Now
  },
) {
  const { repo } = deps

  /** The PCs that the deployment's owner may work on, as known now. */
  function mayReach(
    ownerId: UserId | null,
    before: ReadonlySet<DeviceId>,
  ): (device: DeviceRow) => boolean {
    const isAdmin = ownerId !== null && repo.roleOf(ownerId) === 'admin'
    return (device) => isAdmin || device.owner_id === ownerId || before.has(device.id)
  }

  /** The chosen PCs, including removed ones, which are skipped with that reason; then the current members of its groups. */
  function devicesOf(row: DeploymentRow, before: ReadonlySet<DeviceId>): DeviceRow[] {
    const { device_ids = [], group_ids = [] } = row.chosen ?? {}
    const direct = device_ids.flatMap((id) => deps.devices.row(id) ?? [])
    const chosen = new Set(device_ids)
    const members = deps.groups
      .membersNow(group_ids)
      .flatMap((id) => (chosen.has(id) ? [] : (deps.devices.row(id) ?? [])))
    return [...direct, ...members.filter(mayReach(row.created_by, before))]
  }

  /**
   * Updates the targets of a deployment that has not started to the current members of its groups.
   * @param starts it starts now: the audit log records which PCs it reaches
   * @returns whether anything changed
   */
  function resolve(id: DeploymentId, starts: boolean): boolean {
    return repo.transaction(() => {
      const row = repo.byId(id)
      if (!row?.chosen || row.status !== 'pending') return false
      const before = repo.allTargets(id)
      const known = new Set(before.map((target) => target.device_id))
      const devices = devicesOf(row, known)
      const waves = cutIntoWaves(deps, row, devices)
      const software = row.chosen.software_ids.map((softwareId) => ({
        id: softwareId,
        installers: deps.software.installersOf(softwareId),
      }))
      const after: NewTarget[] = targetsOf(waves, software)
      if (starts) {
        const left = [...known].filter((device) => !devices.some((now) => now.id === device))
        const joined = devices.filter((device) => !known.has(device.id))
        deps.auditRecords.resolved(row, devices, { joined: joined.length, left: left.length })
      }
      // A target skipped in the preview is considered again at the start.
      const isUntouched = !starts || before.every((target) => target.state === 'pending')
      if (isUntouched && isSame(before, after)) return false
      repo.replaceTargets(id, isoTime(deps.now()), after, {
        device_count: devices.length,
        wave_count: waves.sizes.length,
      })
      return true
    })
  }

  return {
    resolve,
    /** Deployments that have not started and name this group. */
    waitingForGroup: repo.pendingWithGroup,
  }
}
