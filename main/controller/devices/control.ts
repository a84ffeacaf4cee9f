/** What people decide about a device: what it is called, whether it may come in, and its removal. */
import type { Device } from '#shared/contract/entities.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, type Now, type Viewer } from '../context.ts'
import type { Store } from '../store/store.ts'
import type { DeviceRow, DevicesRepo } from './devices.repo.ts'
import type { createPending } from './pending.ts'

export function createControl(deps: {
  store: Store
  repo: DevicesRepo
  pending: ReturnType<typeof createPending>
  audit: Audit
  now: Now
  /** @throws AppError E_NOT_FOUND */
  visible: (viewer: Viewer, id: DeviceId) => DeviceRow
  view: (id: DeviceId) => Device
  tell: (change: { id: DeviceId; what: 'updated' | 'removed' | 'refused' }) => void
}) {
  const { store, repo, pending, audit, visible, view, tell } = deps

  return {
    rename(viewer: Viewer, id: DeviceId, name: string | undefined): Device {
      const row = visible(viewer, id)
      if (name !== undefined && name !== row.name)
        store.transaction(() => {
          repo.update(id, { name })
          audit.record(viewer, 'device.rename', `device ${row.name}`, `now ${name}`, {
            deviceId: id,
          })
        })
      tell({ id, what: 'updated' })
      return view(id)
    },
    /** One that compares digits is enrolled when the person at the PC has confirmed them too; who approved it owns it. */
    approve(viewer: Viewer, id: DeviceId): Device {
      const row = visible(viewer, id)
      if (pending.has(id)) {
        const told = 'on this side, the digits are compared'
        store.transaction(() => audit.record(viewer, 'device.approve', `device ${row.name}`, told))
        pending.approve(viewer, id)
        return view(id)
      }
      store.transaction(() => {
        repo.update(id, { approved: true, blocked: false, owner_id: row.owner_id ?? viewer.id })
        audit.record(viewer, 'device.approve', `device ${row.name}`, '', { deviceId: id })
      })
      tell({ id, what: 'updated' })
      return view(id)
    },
    block(viewer: Viewer, id: DeviceId): Device {
      const row = visible(viewer, id)
      store.transaction(() => {
        repo.update(id, { blocked: true, approved: false })
        audit.record(viewer, 'device.block', `device ${row.name}`, '', { deviceId: id })
      })
      pending.reject(id, true)
      tell({ id, what: 'refused' })
      return view(id)
    },
    /** One that compares digits is rejected by this; a device that was known before stays then. */
    remove(viewer: Viewer, id: DeviceId): void {
      const row = visible(viewer, id)
      if (pending.has(id)) {
        store.transaction(() => audit.record(viewer, 'device.reject', `device ${row.name}`, ''))
        return pending.reject(id)
      }
      store.transaction(() => {
        repo.update(id, { deleted_at: isoTime(deps.now()) })
        audit.record(viewer, 'device.delete', `device ${row.name}`, '', { deviceId: id })
      })
      tell({ id, what: 'removed' })
    },
  }
}
