/**
 * Moves the data of a reinstalled PC's old row to its new row, in all slices: groups, history,
 * pending work, owner and name. The new row stays, because the agent uses its key and sequence
 * numbers.
 */
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Viewer } from '../base/context.ts'
import type { Deployments } from '../slices/deployments/index.ts'
import type { Devices } from '../slices/devices/index.ts'
import type { Groups } from '../slices/groups/index.ts'
import type { Store } from '../store/store.ts'

export type TakeOver = (viewer: Viewer, id: DeviceId, from: DeviceId) => void

/**
 * @throws AppError E_NOT_FOUND; E_ILLEGAL_STATE if this is not (or no longer) proposed, or the old
 * row has running work
 */
export const createTakeOver =
  (deps: { store: Store; devices: Devices; groups: Groups; deployments: Deployments }): TakeOver =>
  (viewer, id, from) => {
    const { devices, groups, deployments } = deps
    const result = deps.store.transaction(() => {
      devices.checkReinstalled(viewer, id, from)
      const moved = deployments.moveDevice(from, id)
      const changed = groups.replaceMember(from, id)
      devices.replace(viewer, id, from)
      return { moved, changed }
    })
    deployments.moved(result.moved)
    groups.announce(result.changed)
    devices.replaced(id, from)
  }
