import { count, eq, inArray, sql } from 'drizzle-orm'
import type { DeviceId, GroupId, UserId } from '#shared/domain/ids.ts'
import { deviceGroupMembers, deviceGroups } from '../../store/schema/index.ts'
import { foldedName } from '#shared/domain/folding.ts'
import { isName } from '../../store/folded.ts'
import type { Store } from '../../store/store.ts'

export type GroupRow = Omit<typeof deviceGroups.$inferSelect, 'name_key'>

export function createGroupsRepo({ db, sqlite }: Store) {
  // Tens of thousands of rows. Deleted devices are few: looking up every member would take longer.
  const members = sqlite
    .prepare<[string], [GroupId, DeviceId]>(
      `select group_id, device_id from device_group_members
       where group_id in (select value from json_each(?))
       and device_id not in (select id from devices where deleted_at is not null)`,
    )
    .raw()
  const { id, name, owner_id, created_at, version } = deviceGroups
  const columns = { id, name, owner_id, created_at, version }
  return {
    list: (): GroupRow[] => db.select(columns).from(deviceGroups).orderBy(deviceGroups.name).all(),
    byId: (id: GroupId): GroupRow | undefined =>
      db.select(columns).from(deviceGroups).where(eq(deviceGroups.id, id)).get(),
    byName: (name: string): GroupRow | undefined =>
      db.select(columns).from(deviceGroups).where(isName(deviceGroups.name, name)).get(),
    countOf: (owner: UserId): number =>
      db.select({ n: count() }).from(deviceGroups).where(eq(deviceGroups.owner_id, owner)).get()
        ?.n ?? 0,
    transfer: (from: UserId, to: UserId | null): void => {
      db.update(deviceGroups).set({ owner_id: to }).where(eq(deviceGroups.owner_id, from)).run()
    },
    insert: (row: typeof deviceGroups.$inferInsert): GroupRow =>
      db
        .insert(deviceGroups)
        .values({ ...row, name_key: foldedName(row.name) })
        .returning(columns)
        .get(),
    rename: (id: GroupId, name: string): void => {
      db.update(deviceGroups)
        .set({ name, name_key: foldedName(name) })
        .where(eq(deviceGroups.id, id))
        .run()
    },
    /** The group or its members have changed. */
    countChange: (ids: GroupId[]): void => {
      db.update(deviceGroups)
        .set({ version: sql`${deviceGroups.version} + 1` })
        .where(inArray(deviceGroups.id, ids))
        .run()
    },
    ofDevice: (device: DeviceId): GroupId[] =>
      db
        .select({ id: deviceGroupMembers.group_id })
        .from(deviceGroupMembers)
        .where(eq(deviceGroupMembers.device_id, device))
        .all()
        .map(({ id }) => id),
    remove: (id: GroupId): void => {
      db.delete(deviceGroups).where(eq(deviceGroups.id, id)).run()
    },
    /** Pairs of a group and a member that is not deleted. */
    members: (ids: GroupId[]): [GroupId, DeviceId][] => members.all(JSON.stringify(ids)),
    setMembers(id: GroupId, deviceIds: DeviceId[]): void {
      db.delete(deviceGroupMembers).where(eq(deviceGroupMembers.group_id, id)).run()
      db.run(
        sql`insert into device_group_members (group_id, device_id) select ${id}, value from json_each(${JSON.stringify(deviceIds)})`,
      )
    },
    addMembers: (id: GroupId, deviceIds: DeviceId[]): void => {
      db.run(
        sql`insert or ignore into device_group_members (group_id, device_id) select ${id}, value from json_each(${JSON.stringify(deviceIds)})`,
      )
    },
    removeMembers: (id: GroupId, deviceIds: DeviceId[]): void => {
      db.run(
        sql`delete from device_group_members where group_id = ${id} and device_id in (select value from json_each(${JSON.stringify(deviceIds)}))`,
      )
    },
  }
}
