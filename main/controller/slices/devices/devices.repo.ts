import { and, eq, isNull, sql } from 'drizzle-orm'
import type { AgentFacts } from '#shared/contract/agent/link.ts'
import type { DeviceId, GroupId, UserId } from '#shared/domain/ids.ts'
import { foldedForSearch, foldedName } from '#shared/domain/folding.ts'
import { deviceHardware, devices } from '../../store/schema/index.ts'
import type { Store } from '../../store/store.ts'
import type { KnownHardware } from './duplicate-identity.ts'

export type DeviceRow = typeof devices.$inferSelect
/** What choosing a device needs to know of it. SQLite has no booleans. */
export type ChosenDevice = Pick<
  DeviceRow,
  'id' | 'owner_id' | 'name' | 'platform' | 'arch' | 'free_disk_bytes'
> & { approved: 0 | 1; blocked: 0 | 1 }
export type DevicesRepo = ReturnType<typeof createDevicesRepo>

/** SQLite has no booleans. */
type SqliteRow = Omit<
  DeviceRow,
  'approved' | 'blocked' | 'reboot_pending' | 'name_given' | 'kept_beside'
> & {
  name_given: 0 | 1
  /** JSON. */
  kept_beside: string
  approved: 0 | 1
  blocked: 0 | 1
  reboot_pending: 0 | 1 | null
}
const fromSqlite = (row: SqliteRow): DeviceRow => ({
  ...row,
  approved: row.approved === 1,
  blocked: row.blocked === 1,
  name_given: row.name_given === 1,
  kept_beside: JSON.parse(row.kept_beside) as DeviceId[],
  reboot_pending: row.reboot_pending === null ? null : row.reboot_pending === 1,
})

export function createDevicesRepo({ db, sqlite }: Store) {
  const takeSequence = sqlite.prepare<[number]>(
    'update devices set last_sequence = last_sequence + 1 where id = ? returning last_sequence',
  )
  const touch = sqlite.prepare<[string, number]>('update devices set last_seen_at = ? where id = ?')
  const byId = db
    .select()
    .from(devices)
    .where(eq(devices.id, sql.placeholder('id')))
    .prepare()
  // Ten thousand rows at a time: the query builder takes ten times as long to build them.
  const byIds = sqlite.prepare<[string], SqliteRow>(
    'select * from devices where deleted_at is null and id in (select value from json_each(?))',
  )
  const chosen = sqlite.prepare<[string], ChosenDevice>(
    `select id, owner_id, name, platform, arch, free_disk_bytes, approved, blocked from devices
     where deleted_at is null and id in (select value from json_each(?))`,
  )
  const idsByName = sqlite
    .prepare<[], DeviceId>('select id from devices where deleted_at is null order by name, id')
    .pluck()
  const idsByNameOf = sqlite
    .prepare<[number], DeviceId>(
      'select id from devices where owner_id = ? and deleted_at is null order by name, id',
    )
    .pluck()
  const transfer = sqlite
    .prepare<{ from: UserId; to: UserId | null; limit: number }, DeviceId>(
      `update devices set owner_id = @to where id in (
         select id from devices where owner_id = @from order by id limit @limit) returning id`,
    )
    .pluck()
  const members = sqlite
    .prepare<[string], [DeviceId, GroupId]>(
      `select device_id, group_id from device_group_members
       where device_id in (select value from json_each(?))`,
    )
    .raw()
  const countRows = sqlite.prepare<[]>(
    `select count(*) total, coalesce(sum(approved = 0 and blocked = 0), 0) unapproved from devices where deleted_at is null`,
  )
  const agentVersions = sqlite.prepare<
    [number, number],
    Pick<DeviceRow, 'id' | 'platform' | 'arch' | 'agent_version'>
  >(
    `select id, platform, arch, agent_version from devices
     where id > ? and deleted_at is null and approved = 1 and blocked = 0 order by id limit ?`,
  )
  const leftovers = sqlite
    .prepare<[], DeviceId>(
      `select id from devices where deleted_at is null and approved = 0 and blocked = 0
       and owner_id is null and enrollment_id is null and split_from is null`,
    )
    .pluck()
  const idsOwnedBy = sqlite
    .prepare<[number], DeviceId>(
      'select id from devices where owner_id = ? and deleted_at is null order by id',
    )
    .pluck()
  const lastSeen = sqlite.prepare<[], Pick<DeviceRow, 'id' | 'last_seen_at'>>(
    'select id, last_seen_at from devices where deleted_at is null',
  )
  const hardwareOf = sqlite.prepare<[number], KnownHardware>(
    'select hardware_id, standing role from device_hardware where device_id = ? order by id',
  )
  const waitingCopies = sqlite
    .prepare<[number], number>(
      'select count(*) from devices where split_from = ? and approved = 0 and deleted_at is null',
    )
    .pluck()
  const namesLike = sqlite
    .prepare<{ name: string }, string>(
      `select name from devices where deleted_at is null and instr(folded(name), @name) = 1`,
    )
    .pluck()
  const sharedHardware = sqlite.prepare<[], { hardware_id: string; device_id: DeviceId }>(
    `select hardware_id, device_id from device_hardware where standing = 'owner' and hardware_id in
     (select hardware_id from device_hardware where standing = 'owner' group by hardware_id having count(*) > 1)`,
  )
  const predecessors = sqlite
    .prepare<[number], DeviceId>(
      `with recursive before(id) as (
         select id from devices where replaced_by = ?
         union select d.id from devices d join before b on d.replaced_by = b.id)
       select id from before`,
    )
    .pluck()
  return {
    /** Hardware that belongs to more than one device. */
    sharedHardware: () => sharedHardware.all(),
    /** Rows of the same PC before it was reinstalled. */
    predecessors: (id: DeviceId): DeviceId[] => predecessors.all(id),
    /** By name. @param owner null: everybody's */
    idsByName: (owner: UserId | null): DeviceId[] =>
      owner === null ? idsByName.all() : idsByNameOf.all(owner),
    /** Includes deleted devices, which the history still names. */
    byId: (id: DeviceId): DeviceRow | undefined => byId.get({ id }),
    counts: () => countRows.get() as { total: number; unapproved: number },
    byKey: (publicKey: string): DeviceRow | undefined =>
      db.select().from(devices).where(eq(devices.public_key, publicKey)).get(),
    byIds: (ids: DeviceId[]): DeviceRow[] => byIds.all(JSON.stringify(ids)).map(fromSqlite),
    /** Devices that still exist, with the few columns that choosing ten thousand of them needs. */
    chosen: (ids: readonly DeviceId[]): ChosenDevice[] => chosen.all(JSON.stringify(ids)),
    ownedBy: (owner: UserId): DeviceRow[] =>
      db
        .select()
        .from(devices)
        .where(and(eq(devices.owner_id, owner), isNull(devices.deleted_at)))
        .all(),
    idsOwnedBy: (owner: UserId): DeviceId[] => idsOwnedBy.all(owner),
    lastSeen: () => lastSeen.all(),
    /** Some of the devices of a user. @returns those that moved */
    transfer: (from: UserId, to: UserId | null, limit: number): DeviceId[] =>
      transfer.all({ from, to, limit }),
    insert: (row: typeof devices.$inferInsert): DeviceRow =>
      db.insert(devices).values(row).returning().get(),
    /** Counts a change of the name in `version`. */
    update: (id: DeviceId, change: Partial<Omit<DeviceRow, 'version'>>): void => {
      const name = change.name ?? sql`${devices.name}`
      const isGiven =
        change.name_given === undefined ? sql`${devices.name_given}` : Number(change.name_given)
      const mayRename = change.name !== undefined || change.name_given !== undefined
      const isRenamed = sql`${devices.name} <> ${name} or ${devices.name_given} <> ${isGiven}`
      db.update(devices)
        .set({
          ...change,
          ...(mayRename && { version: sql`${devices.version} + (${isRenamed})` }),
        })
        .where(eq(devices.id, id))
        .run()
    },
    /** Deletes a row without references. @returns false if the history refers to it */
    deleteUnused(id: DeviceId): boolean {
      try {
        return db.delete(devices).where(eq(devices.id, id)).run().changes > 0
      } catch (error) {
        if ((error as { code?: unknown }).code === 'SQLITE_CONSTRAINT_FOREIGNKEY') return false
        throw error
      }
    },
    /** Facts that the agent reports; the technician's name stays once the device exists. */
    setFacts: (id: DeviceId, facts: AgentFacts, address: string | null, seenAt: string): void => {
      db.update(devices)
        .set({
          platform: facts.platform,
          arch: facts.arch,
          os_version: facts.os_version,
          agent_version: facts.agent_version,
          free_disk_bytes: facts.free_disk_bytes,
          address,
          last_seen_at: seenAt,
        })
        .where(eq(devices.id, id))
        .run()
    },
    touch: (id: DeviceId, seenAt: string): void => {
      touch.run(seenAt, id)
    },
    /** The next sequence number for a command to this device. */
    takeSequence: (id: DeviceId): number =>
      (takeSequence.get(id) as { last_sequence: number }).last_sequence,
    raiseSequence: (id: DeviceId, atLeast: number): void => {
      db.update(devices)
        .set({ last_sequence: sql`max(${devices.last_sequence}, ${atLeast})` })
        .where(eq(devices.id, id))
        .run()
    },
    /** Of all devices that commands may be sent to. */
    agentVersions: (after: DeviceId | 0, limit: number) => agentVersions.all(after, limit),
    /**
     * Rows of PCs that were never admitted. A clone waits for approval too, and longer: its row
     * contains the device that it was separated from.
     */
    leftovers: (): DeviceId[] => leftovers.all(),
    /** In the order in which each was first seen. */
    hardwareOf: (id: DeviceId): KnownHardware[] => hardwareOf.all(id),
    setHardware(id: DeviceId, known: readonly KnownHardware[]): void {
      db.delete(deviceHardware).where(eq(deviceHardware.device_id, id)).run()
      db.insert(deviceHardware)
        .values(known.map((entry) => ({ ...entry, device_id: id })))
        .run()
    },
    /** Separated from this device and not approved yet. */
    waitingCopies: (id: DeviceId): number => waitingCopies.get(id) ?? 0,
    /** Names in use that start with this one, case-folded. */
    namesLike: (name: string): Set<string> =>
      new Set(namesLike.all({ name: foldedForSearch(name) }).map(foldedName)),
    groupIds(ids: DeviceId[]): Map<DeviceId, GroupId[]> {
      const map = new Map<DeviceId, GroupId[]>()
      for (const [device, group] of members.all(JSON.stringify(ids))) {
        const groups = map.get(device)
        if (groups) groups.push(group)
        else map.set(device, [group])
      }
      return map
    },
  }
}
