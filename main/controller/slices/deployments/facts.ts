/** What other slices need to know about deployments. Read-only, so that it exists before them. */
import type { AttemptId, DeploymentId, DeviceId, GroupId, SoftwareId } from '#shared/domain/ids.ts'
import type { Store } from '../../store/store.ts'
import { createDeploymentsRepo, type DeploymentRow } from './tables/deployments.repo.ts'

export type DeploymentFacts = ReturnType<typeof createDeploymentFacts>

export function createDeploymentFacts(store: Store) {
  const repo = createDeploymentsRepo(store)
  return {
    /** Deployments with this device as a target, ended ones included. */
    idsOfDevice: (id: DeviceId): DeploymentId[] => repo.idsOfDevice(id),
    /** The device of the open target whose live attempt this is, or null. */
    deviceOfLiveAttempt: (id: AttemptId): DeviceId | null => repo.deviceOfLiveAttempt(id),
    /** Deployments that still need this software. */
    usingSoftware: (id: SoftwareId): DeploymentRow[] => repo.activeWithSoftware(id),
    /** Deployments that have not started and will take their PCs from this group. */
    usingGroup: (id: GroupId): DeploymentRow[] => repo.pendingWithGroup(id),
  }
}
