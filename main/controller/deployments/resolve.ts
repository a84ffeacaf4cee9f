/**
 * Which PCs a deployment reaches that starts later: decided when it starts. Until then its targets are a preview, brought up
 * to date when one of its groups changes. Waves are cut at the start as well, so that PCs that are there then come first.
 */
import type { DeploymentId, DeviceId, UserId } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../context.ts'
import type { DeviceRow } from '../devices/index.ts'
import { cutIntoWaves, type ChoiceDeps } from './choose.ts'
import { targetsOf } from './create.ts'
import type {
  DeploymentRow,
  DeploymentsRepo,
  NewTarget,
  OpenTargetRow,
} from './deployments.repo.ts'
import type { Trail } from './trail.ts'

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
    trail: Pick<Trail, 'resolved'>
    now: Now
  },
) {
  const { repo } = deps

  /** PCs that the owner of the deployment may work on, by what is known now. */
  function mayReach(
    ownerId: UserId | null,
    before: ReadonlySet<DeviceId>,
  ): (device: DeviceRow) => boolean {
    const isAdmin = ownerId !== null && repo.roleOf(ownerId) === 'admin'
    return (device) => isAdmin || device.owner_id === ownerId || before.has(device.id)
  }

  /** The chosen PCs, removed ones included: those are skipped and say why. Then those in the groups now. */
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
   * Brings the targets of a deployment that has not started up to what its groups hold.
   * @param starts it starts now: the audit log keeps whom it reaches
   * @returns whether anything is different
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
        deps.trail.resolved(row, devices, { joined: joined.length, left: left.length })
      }
      // What was skipped beforehand is looked at once more when it starts.
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
