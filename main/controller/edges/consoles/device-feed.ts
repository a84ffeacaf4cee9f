/** Devices on the consoles' feed: those that changed since the last frame, in one list for each audience. */
import type { FeedEvents } from '#shared/contract/feed.ts'
import type { DeviceId, UserId } from '#shared/domain/ids.ts'
import type { Devices } from '../../slices/devices/index.ts'
import type { FeedAudience } from './entity-feed.ts'

/** Further ones follow in the next frame. */
const DEVICES_PER_FRAME = 500

type Update = FeedEvents['device_updated']

export function createDeviceFeed(deps: {
  devices: Pick<Devices, 'describe' | 'row'>
  hasConsole: (audience: FeedAudience) => boolean
  emit: (audience: FeedAudience, event: 'device_updated', body: Update) => void
}) {
  const dirty = new Set<DeviceId>()

  return {
    changed: (id: DeviceId): void => void dirty.add(id),
    /** @returns whether some are left for the next frame */
    send(): boolean {
      // A console that connects later fetches the whole list.
      if (!deps.hasConsole('everyone')) dirty.clear()
      const ids = [...dirty].slice(0, DEVICES_PER_FRAME)
      const updates = new Map<UserId | null, Update>()
      const updateFor = (owner: UserId | null): Update => {
        const update = updates.get(owner) ?? { devices: [], removed_device_ids: [] }
        updates.set(owner, update)
        return update
      }
      const removed = new Set(ids)
      for (const { device, ownerId } of deps.devices.describe(ids)) {
        removed.delete(device.id)
        updateFor(ownerId).devices.push(device)
      }
      for (const id of removed)
        updateFor(deps.devices.row(id)?.owner_id ?? null).removed_device_ids.push(id)
      for (const [owner, update] of updates) deps.emit(owner, 'device_updated', update)
      ids.forEach((id) => dirty.delete(id))
      return dirty.size > 0
    },
  }
}
