/** What other slices need to know about devices. Read-only, so that it exists before them. */
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Store } from '../../store/store.ts'
import { createDevicesRepo } from './devices.repo.ts'

export function createDeviceFacts(store: Store) {
  const repo = createDevicesRepo(store)
  return {
    /** Rows of the same PC before it was reinstalled. */
    predecessors: (id: DeviceId): DeviceId[] => repo.predecessors(id),
  }
}
