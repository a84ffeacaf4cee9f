/** User actions on a device: rename, approve, block and remove. */
import type { Device, UpdateDevice } from '#shared/contract/rest/devices.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { checkVersion } from '../../base/check-version.ts'
import { isoTime, type Now, type Viewer } from '../../base/context.ts'
import type { Store } from '../../store/store.ts'
import type { DeviceRow, DevicesRepo } from './devices.repo.ts'
import type { createPending } from './pending.ts'
import type { Reinstalls } from './reinstalls.ts'

const KEPT_LIMIT = 50

export function createControl(deps: {
  store: Store
  repo: DevicesRepo
  pending: ReturnType<typeof createPending>
  audit: Audit
  now: Now
  reinstalls: Pick<Reinstalls, 'of'>
  /** Its link has just ended, or the controller has just started: it may reconnect. */
  isConnecting: (id: DeviceId) => boolean
  /** @throws AppError E_NOT_FOUND */
  visible: (viewer: Viewer, id: DeviceId) => DeviceRow
  view: (id: DeviceId) => Device
  notify: (change: { id: DeviceId; what: 'updated' | 'removed' | 'refused' }) => void
}) {
  const { store, repo, pending, audit, visible, view, notify } = deps

  return {
    /**
     * `name` stays whatever the PC reports; null: use the PC's reported name from now on.
     * @throws AppError E_NOT_FOUND, E_CONFLICT (`version` is out of date)
     */
    rename(viewer: Viewer, id: DeviceId, { name: wanted, version }: UpdateDevice): Device {
      store.transaction(() => {
        const row = visible(viewer, id)
        checkVersion(version, row.version, { pcNamed: row.name }, () => view(id))
        const name = wanted === null ? (row.reported_name ?? row.name) : (wanted ?? row.name)
        const name_given = wanted === undefined ? row.name_given : wanted !== null
        if (name === row.name && name_given === row.name_given) return
        repo.update(id, { name, name_given })
        audit.record(viewer, 'device.rename', `device ${row.name}`, `now ${name}`, {
          deviceId: id,
        })
      })
      notify({ id, what: 'updated' })
      return view(id)
    },
    /**
     * Checks whether this PC may be `from` after a reinstallation. @throws AppError E_NOT_FOUND,
     * E_ILLEGAL_STATE
     */
    checkReinstalled(viewer: Viewer, id: DeviceId, from: DeviceId): void {
      visible(viewer, id)
      const old = visible(viewer, from)
      if (deps.reinstalls.of(id) !== from)
        throw AppError.of('device_not_the_same', { device: old.name })
      if (deps.isConnecting(from)) throw AppError.of('device_connecting', { device: old.name })
    },
    /** Call it inside the transaction that moves the old row's data. */
    replace(viewer: Viewer, id: DeviceId, from: DeviceId): void {
      const [row, old] = [visible(viewer, id), visible(viewer, from)]
      repo.update(id, {
        owner_id: old.owner_id ?? row.owner_id,
        ...(old.name_given && { name: old.name, name_given: true }),
      })
      repo.update(from, { deleted_at: isoTime(deps.now()), replaced_by: id })
      const data = { from, to: id }
      audit.record(
        viewer,
        'device.take_over',
        `device ${row.name}`,
        `it was reinstalled: it takes over groups, history and owner of ${old.name} (device ${from})`,
        { deviceId: id, data },
      )
      audit.record(
        viewer,
        'device.take_over',
        `device ${old.name}`,
        `it was reinstalled and is device ${id} now`,
        { deviceId: from, data },
      )
    },
    /** Call it after the commit. */
    replaced(id: DeviceId, from: DeviceId): void {
      notify({ id: from, what: 'removed' })
      notify({ id, what: 'updated' })
    },
    /**
     * Records that these are two PCs, so that the question is not repeated. @throws AppError
     * E_NOT_FOUND
     */
    keepBoth(viewer: Viewer, id: DeviceId, from: DeviceId): Device {
      const [row, old] = [visible(viewer, id), visible(viewer, from)]
      if (!row.kept_beside.includes(from))
        store.transaction(() => {
          repo.update(id, { kept_beside: [...row.kept_beside, from].slice(-KEPT_LIMIT) })
          audit.record(
            viewer,
            'device.keep_both',
            `device ${row.name}`,
            `it is not the same PC as ${old.name} (device ${from})`,
            { deviceId: id, data: { from, to: id } },
          )
        })
      notify({ id, what: 'updated' })
      return view(id)
    },
    /**
     * A PC that compares digits is enrolled once the person at the PC has confirmed them too; the
     * approver owns it.
     */
    approve(viewer: Viewer, id: DeviceId): Device {
      const row = visible(viewer, id)
      if (pending.has(id)) {
        const note = 'approved in the console; the PC has to confirm the digits'
        store.transaction(() => audit.record(viewer, 'device.approve', `device ${row.name}`, note))
        pending.approve(viewer, id)
        return view(id)
      }
      store.transaction(() => {
        repo.update(id, { approved: true, blocked: false, owner_id: row.owner_id ?? viewer.id })
        audit.record(viewer, 'device.approve', `device ${row.name}`, '', { deviceId: id })
      })
      notify({ id, what: 'updated' })
      return view(id)
    },
    block(viewer: Viewer, id: DeviceId): Device {
      const row = visible(viewer, id)
      store.transaction(() => {
        repo.update(id, { blocked: true, approved: false })
        audit.record(viewer, 'device.block', `device ${row.name}`, '', { deviceId: id })
      })
      pending.reject(id, true)
      notify({ id, what: 'refused' })
      return view(id)
    },
    /** This also rejects a PC that compares digits; a device that was already known stays. */
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
      notify({ id, what: 'removed' })
    },
  }
}
