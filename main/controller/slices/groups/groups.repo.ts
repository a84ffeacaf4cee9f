import { and, count, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { DeviceId, GroupId, UserId } from '#shared/domain/ids.ts'
import { deviceGroupMembers, deviceGroups, devices } from '../../store/schema/index.ts'
import { foldedName } from '#shared/domain/folding.ts'
import { isName } from '../../store/folded.ts'
import type { Store } from '../../store/store.ts'

export type GroupRow = Omit<typeof deviceGroups.$inferSelect, 'name_key'>

export function createGroupsRepo({ db }: Store) {
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
    members(ids: GroupId[]): { group_id: GroupId; device_id: DeviceId }[] {
      return db
        .select({ group_id: deviceGroupMembers.group_id, device_id: deviceGroupMembers.device_id })
        .from(deviceGroupMembers)
        .innerJoin(devices, eq(devices.id, deviceGroupMembers.device_id))
        .where(and(inArray(deviceGroupMembers.group_id, ids), isNull(devices.deleted_at)))
        .all()
    },
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
