/** Groups of devices, with members chosen by users. */
import type { Group, UpdateGroup } from '#shared/contract/rest/groups.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId, GroupId, UserId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, maySee, type Now, type Viewer } from '../../base/context.ts'
import type { Devices } from '../devices/index.ts'
import { checkVersion } from '../../base/check-version.ts'
import { checkUnused, type NamedDeployment } from '../../base/in-use.ts'
import { createListeners } from '../../base/listeners.ts'
import type { Store } from '../../store/store.ts'
import { createGroupsRepo, type GroupRow } from './groups.repo.ts'

export type Groups = ReturnType<typeof createGroups>
/** The group has changed or was removed. */
export type GroupChange = { id: GroupId; ownerId: UserId | null }
type Members = { added: DeviceId[]; removed: DeviceId[] }

/** At most this many names per audit entry. */
const NAMES_LISTED = 20

export function createGroups(deps: {
  store: Store
  now: Now
  audit: Audit
  devices: Devices
  /** Deployments that take their PCs from the group when they start. */
  usedBy: (id: GroupId) => NamedDeployment[]
}) {
  const repo = createGroupsRepo(deps.store)
  const changes = createListeners<GroupChange>()

  function toGroups(rows: GroupRow[]): Group[] {
    const members = new Map<GroupId, DeviceId[]>(rows.map((row) => [row.id, []]))
    for (const [group, device] of repo.members(rows.map((row) => row.id)))
      members.get(group)?.push(device)
    return rows.map((row) => ({ ...row, device_ids: members.get(row.id) ?? [] }))
  }
  const view = (id: GroupId): Group => toGroups([repo.byId(id)!])[0]!

  function visible(viewer: Viewer, id: GroupId): GroupRow {
    const row = repo.byId(id)
    if (!row || !maySee(viewer, row.owner_id))
      throw new AppError('E_NOT_FOUND', 'This group does not exist.')
    return row
  }
  /** Call it after the commit. */
  function changed(change: GroupChange, members: DeviceId[]): void {
    deps.devices.announce(members)
    changes.emit(change)
  }
  /** Who joins and who leaves through this change. */
  function membersAfter(id: GroupId, change: UpdateGroup): Members {
    const before = new Set(view(id).device_ids)
    const added = new Set(change.device_ids ?? change.add_device_ids ?? [])
    const removed = change.device_ids
      ? [...before].filter((device) => !added.has(device))
      : (change.remove_device_ids ?? []).filter((device) => before.has(device))
    return {
      added: [...added].filter((device) => !before.has(device)),
      removed: [...new Set(removed)],
    }
  }
  function inWords(name: string | undefined, { added, removed }: Members): string {
    const list = (ids: DeviceId[]) =>
      ids
        .slice(0, NAMES_LISTED)
        .map((id) => deps.devices.eligibility(id).name)
        .join(', ') + (ids.length > NAMES_LISTED ? ` and ${ids.length - NAMES_LISTED} more` : '')
    return [
      ...(name === undefined ? [] : [`now ${name}`]),
      ...(added.length > 0 ? [`added ${list(added)}`] : []),
      ...(removed.length > 0 ? [`removed ${list(removed)}`] : []),
    ].join('; ')
  }
  /** Call it inside a transaction. @throws AppError E_CONFLICT */
  function refuseTakenName(name: string, except?: GroupId): void {
    const other = repo.byName(name)
    if (other && other.id !== except)
      throw AppError.of('group_name_taken', { name }, [{ path: '/name', message: 'is taken' }])
  }

  return {
    /** For the removal of a user. */
    countOf: (id: UserId): number => repo.countOf(id),
    transfer: (from: UserId, to: UserId | null): void => repo.transfer(from, to),

    list: (viewer: Viewer): Group[] =>
      toGroups(repo.list().filter((row) => maySee(viewer, row.owner_id))),

    create(viewer: Viewer, input: { name: string; device_ids: DeviceId[] }): Group {
      const ids = [...new Set(input.device_ids)]
      deps.devices.resolve(ids, viewer)
      const id = deps.store.transaction(() => {
        refuseTakenName(input.name)
        const row = repo.insert({
          name: input.name,
          owner_id: viewer.id,
          created_at: isoTime(deps.now()),
        })
        repo.addMembers(row.id, ids)
        deps.audit.record(viewer, 'group.create', `group ${row.name}`, `${ids.length} devices`)
        return row.id
      })
      changed({ id, ownerId: viewer.id }, ids)
      return view(id)
    },

    /**
     * Changes the name, sets all members, or adds and removes some.
     * @throws AppError E_NOT_FOUND, E_CONFLICT (the name is taken; `version` is out of date)
     */
    update(viewer: Viewer, id: GroupId, change: UpdateGroup): Group {
      const named = change.device_ids ?? change.add_device_ids
      if (named) deps.devices.resolve([...new Set(named)], viewer)
      const done = deps.store.transaction(() => {
        const row = visible(viewer, id)
        checkVersion(change.version, row.version, 'group', () => view(id))
        const name = change.name === row.name ? undefined : change.name
        if (name !== undefined) {
          refuseTakenName(name, id)
          repo.rename(id, name)
        }
        const members = membersAfter(id, change)
        repo.addMembers(id, members.added)
        repo.removeMembers(id, members.removed)
        if (name !== undefined || members.added.length + members.removed.length > 0) {
          repo.countChange([id])
          deps.audit.record(viewer, 'group.update', `group ${row.name}`, inWords(name, members), {
            data: { ...(name !== undefined && { name }), ...members },
          })
        }
        return { row, members }
      })
      const { added, removed } = done.members
      changed({ id, ownerId: done.row.owner_id }, [...added, ...removed])
      return view(id)
    },

    /**
     * @throws AppError E_NOT_FOUND, E_IN_USE while a deployment that has not started refers to it
     */
    remove(viewer: Viewer, id: GroupId): void {
      const row = visible(viewer, id)
      const members = toGroups([row])[0]!.device_ids
      deps.store.transaction(() => {
        checkUnused(viewer, { group: row.name }, deps.usedBy(id))
        repo.remove(id)
        deps.audit.record(viewer, 'group.delete', `group ${row.name}`, '')
      })
      changed({ id, ownerId: row.owner_id }, members)
    },

    /**
     * @throws AppError E_NOT_FOUND naming every group that does not exist or that the viewer may
     * not see
     */
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
      return [...new Set(repo.members(ids).map(([, device]) => device))]
    },

    /** Members of these groups; missing groups are skipped. */
    membersNow: (ids: GroupId[]): DeviceId[] => [
      ...new Set(repo.members(ids).map(([, device]) => device)),
    ],

    /** Adds a newly enrolled device to the groups of its code; missing groups are skipped. */
    addToGroups(ids: GroupId[], deviceId: DeviceId): void {
      for (const id of ids) {
        const row = repo.byId(id)
        if (!row) continue
        repo.addMembers(id, [deviceId])
        repo.countChange([id])
        changes.emit({ id, ownerId: row.owner_id })
      }
    },
    /** Removes a deleted device from its groups. */
    deviceRemoved(deviceId: DeviceId): void {
      const ids = repo.ofDevice(deviceId)
      if (ids.length === 0) return
      repo.countChange(ids)
      for (const id of ids) changes.emit({ id, ownerId: repo.byId(id)?.owner_id ?? null })
    },

    /**
     * Inside a transaction: another row now represents the same PC. @returns the changed groups,
     * for `announce`
     */
    replaceMember(from: DeviceId, to: DeviceId): GroupId[] {
      const ids = repo.ofDevice(from)
      for (const id of ids) {
        repo.removeMembers(id, [from])
        repo.addMembers(id, [to])
      }
      if (ids.length > 0) repo.countChange(ids)
      return ids
    },
    announce(ids: GroupId[]): void {
      for (const id of ids) changes.emit({ id, ownerId: repo.byId(id)?.owner_id ?? null })
    },

    onChange: changes.on,
    /** For the feed; null: it was removed. */
    describe(id: GroupId): { group: Group; ownerId: UserId | null } | null {
      const row = repo.byId(id)
      return row ? { group: view(id), ownerId: row.owner_id } : null
    },
  }
}
