import { sql } from 'drizzle-orm'
import {
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
  type AnySQLiteColumn,
} from 'drizzle-orm/sqlite-core'
import type { DeviceId, EnrollmentId, GroupId, UserId } from '#shared/domain/ids.ts'
import type { DeviceArch, DevicePlatform } from '#shared/domain/platforms.ts'
import { users } from './users.ts'

export const enrollments = sqliteTable(
  'enrollments',
  {
    id: integer().$type<EnrollmentId>().primaryKey({ autoIncrement: true }),
    /** SHA-256 of the code's secret, hex: the code itself is shown once and not stored. */
    secret_hash: text().notNull().unique(),
    max_uses: integer().notNull(),
    uses: integer().notNull().default(0),
    group_ids: text({ mode: 'json' }).$type<GroupId[]>().notNull(),
    created_by: integer()
      .$type<UserId>()
      .references(() => users.id, { onDelete: 'set null' }),
    /** The creator's name, kept after the account was removed. */
    created_by_name: text(),
    created_at: text().notNull(),
    expires_at: text().notNull(),
    revoked_at: text(),
  },
  (t) => [index('enrollments_owner').on(t.created_by)],
)

export const devices = sqliteTable(
  'devices',
  {
    id: integer().$type<DeviceId>().primaryKey({ autoIncrement: true }),
    name: text().notNull(),
    platform: text().$type<DevicePlatform>().notNull(),
    arch: text().$type<DeviceArch>().notNull(),
    os_version: text().notNull(),
    agent_version: text().notNull(),
    /** The agent's Ed25519 key, SPKI DER, base64. */
    public_key: text().notNull().unique(),
    owner_id: integer()
      .$type<UserId>()
      .references(() => users.id, { onDelete: 'set null' }),
    enrollment_id: integer()
      .$type<EnrollmentId>()
      .references(() => enrollments.id, { onDelete: 'set null' }),
    approved: integer({ mode: 'boolean' }).notNull(),
    blocked: integer({ mode: 'boolean' }).notNull().default(false),
    address: text(),
    free_disk_bytes: integer(),
    /** From its inventory: null if not reported or unavailable. */
    reboot_pending: integer({ mode: 'boolean' }),
    /** When its inventory last changed. */
    inventory_at: text(),
    /** Sequence of the last command signed for it; never decreases. */
    last_sequence: integer().notNull().default(0),
    enrolled_at: text().notNull(),
    last_seen_at: text(),
    /** Deleted devices keep their row, because the history names them. */
    deleted_at: text(),
    /** The device whose identity it carried as a clone of its disk. */
    split_from: integer()
      .$type<DeviceId>()
      .references((): AnySQLiteColumn => devices.id),
    /** The name that the PC last reported. Null: none since this column exists. */
    reported_name: text(),
    /** A user has given it its name, which no longer follows the PC's own. */
    name_given: integer({ mode: 'boolean' }).notNull().default(false),
    /** Number of the changes of its name. */
    version: integer().notNull().default(1),
    /** The row of the same PC after a reinstallation, which took over this one's data. */
    replaced_by: integer()
      .$type<DeviceId>()
      .references((): AnySQLiteColumn => devices.id),
    /** Older rows that a user has declared to be other PCs. */
    kept_beside: text({ mode: 'json' })
      .$type<DeviceId[]>()
      .notNull()
      .default(sql`'[]'`),
  },
  (t) => [
    index('devices_owner').on(t.owner_id),
    index('devices_deleted')
      .on(t.deleted_at)
      .where(sql`deleted_at is not null`),
    index('devices_split_from')
      .on(t.split_from)
      .where(sql`split_from is not null`),
    index('devices_replaced_by')
      .on(t.replaced_by)
      .where(sql`replaced_by is not null`),
  ],
)

/**
 * The hardware on which the device's identity was seen, in this order. Distinguishes clones of a
 * disk; proves nothing.
 */
export const deviceHardware = sqliteTable(
  'device_hardware',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    device_id: integer()
      .$type<DeviceId>()
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
    hardware_id: text().notNull(),
    role: text('standing').$type<'owner' | 'former' | 'twin'>().notNull(),
  },
  (t) => [
    uniqueIndex('device_hardware_once').on(t.device_id, t.hardware_id),
    index('device_hardware_owner').on(t.role, t.hardware_id, t.device_id),
  ],
)

export const deviceGroups = sqliteTable('device_groups', {
  id: integer().$type<GroupId>().primaryKey({ autoIncrement: true }),
  name: text().notNull().unique(),
  /** Made like `name_key` of `users`. */
  name_key: text().unique(),
  owner_id: integer()
    .$type<UserId>()
    .references(() => users.id, { onDelete: 'set null' }),
  created_at: text().notNull(),
  /** Number of its changes. */
  version: integer().notNull().default(1),
})

export const deviceGroupMembers = sqliteTable(
  'device_group_members',
  {
    group_id: integer()
      .$type<GroupId>()
      .notNull()
      .references(() => deviceGroups.id, { onDelete: 'cascade' }),
    device_id: integer()
      .$type<DeviceId>()
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
  },
  (t) => [
    primaryKey({ columns: [t.group_id, t.device_id] }),
    index('device_group_members_device').on(t.device_id),
  ],
)
