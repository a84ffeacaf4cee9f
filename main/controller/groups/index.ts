/** Groups of devices, kept by hand. */
import type { Group } from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId, GroupId, UserId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, maySee, type Now, type Viewer } from '../context.ts'
import type { Devices } from '../devices/index.ts'
import type { Store } from '../store/store.ts'
import { createGroupsRepo, type GroupRow } from './groups.repo.ts'

export type Groups = ReturnType<typeof createGroups>

export function createGroups(deps: { store: Store; now: Now; audit: Audit; devices: Devices }) {
  const repo = createGroupsRepo(deps.store)

  function toGroups(rows: GroupRow[]): Group[] {
    const members = new Map<GroupId, DeviceId[]>(rows.map((row) => [row.id, []]))
    for (const m of repo.members(rows.map((row) => row.id)))
      members.get(m.group_id)?.push(m.device_id)
    return rows.map((row) => ({ ...row, device_ids: members.get(row.id) ?? [] }))
  }
  const view = (id: GroupId): Group => toGroups([repo.byId(id)!])[0]!

  function visible(viewer: Viewer, id: GroupId): GroupRow {
    const row = repo.byId(id)
    if (!row || !maySee(viewer, row.owner_id))
      throw new AppError('E_NOT_FOUND', 'This group does not exist.')
    return row
  }
  function nameIsFree(name: string, except?: GroupId): void {
    const other = repo.byName(name)
    if (other && other.id !== except)
      throw new AppError('E_CONFLICT', `There is already a group named ${name}.`, [
        { path: '/name', message: 'is taken' },
      ])
  }

  return {
    /** For the removal of a user. */
    countOf: (id: UserId): number => repo.countOf(id),
    handOver: (from: UserId, to: UserId | null): void => repo.handOver(from, to),

    list: (viewer: Viewer): Group[] =>
      toGroups(repo.list().filter((row) => maySee(viewer, row.owner_id))),

    create(viewer: Viewer, input: { name: string; device_ids: DeviceId[] }): Group {
      const ids = [...new Set(input.device_ids)]
      deps.devices.resolve(ids, viewer)
      const id = deps.store.transaction(() => {
        nameIsFree(input.name)
        const row = repo.insert({
          name: input.name,
          owner_id: viewer.id,
          created_at: isoTime(deps.now()),
        })
        repo.setMembers(row.id, ids)
        deps.audit.record(viewer, 'group.create', `group ${row.name}`, `${ids.length} devices`)
        return row.id
      })
      deps.devices.announce(ids)
      return view(id)
    },

    update(viewer: Viewer, id: GroupId, change: { name?: string; device_ids?: DeviceId[] }): Group {
      const row = visible(viewer, id)
      const before = toGroups([row])[0]!.device_ids
      const ids = change.device_ids && [...new Set(change.device_ids)]
      if (ids) deps.devices.resolve(ids, viewer)
      deps.store.transaction(() => {
        if (change.name !== undefined) {
          nameIsFree(change.name, id)
          repo.rename(id, change.name)
        }
        if (ids) repo.setMembers(id, ids)
        deps.audit.record(
          viewer,
          'group.update',
          `group ${row.name}`,
          Object.keys(change).join(', '),
        )
      })
      if (ids) deps.devices.announce([...new Set([...before, ...ids])])
      return view(id)
    },

    remove(viewer: Viewer, id: GroupId): void {
      const row = visible(viewer, id)
      const members = toGroups([row])[0]!.device_ids
      deps.store.transaction(() => {
        repo.remove(id)
        deps.audit.record(viewer, 'group.delete', `group ${row.name}`, '')
      })
      deps.devices.announce(members)
    },

    /** @throws AppError E_NOT_FOUND naming every group that does not exist or is not the viewer's */
    membersOf(ids: GroupId[], viewer: Viewer): DeviceId[] {
      const missing = ids.flatMap((id, i) => {
        const row = repo.byId(id)
        return row && maySee(viewer, row.owner_id)
          ? []
          : [{ path: `/group_ids/${i}`, message: `group ${id} does not exist` }]
      })
      if (missing.length > 0)
        throw new AppError(
          'E_NOT_FOUND',
          `${missing.length} of the chosen groups do not exist.`,
          missing,
        )
      return [...new Set(repo.members(ids).map((m) => m.device_id))]
    },

    /** Puts a device that has just been enrolled into the groups its code names; groups that are gone are passed over. */
    addToGroups(ids: GroupId[], deviceId: DeviceId): void {
      for (const id of ids) if (repo.byId(id)) repo.addMember(id, deviceId)
    },
  }
}
