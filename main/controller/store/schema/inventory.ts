import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { InventorySections } from '#shared/domain/inventory.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { devices } from './devices.ts'

/** What a device is made of, as its agent told it last. */
export const deviceInventory = sqliteTable('device_inventory', {
  device_id: integer()
    .$type<DeviceId>()
    .primaryKey()
    .references(() => devices.id, { onDelete: 'cascade' }),
  /** Of all of it, its software included: SHA-256, hex. */
  hash: text().notNull(),
  sections: text({ mode: 'json' }).$type<InventorySections>().notNull(),
  /** Whether its software could be told; it may still be none. */
  has_software: integer({ mode: 'boolean' }).notNull(),
  /** When its agent looked last, and when that was something new. By the controller's clock. */
  collected_at: text().notNull(),
  changed_at: text().notNull(),
})

/** A software as devices have it installed. An office's PCs are much alike: each is kept once, not once per PC. */
export const softwareTitles = sqliteTable('software_titles', {
  id: integer().primaryKey({ autoIncrement: true }),
  /** InstalledSoftware as JSON, without the day on which it was installed. */
  entry: text().notNull().unique(),
  /** Its name, to search by. */
  name: text().notNull(),
})

export const deviceSoftware = sqliteTable(
  'device_software',
  {
    device_id: integer()
      .$type<DeviceId>()
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
    title_id: integer()
      .notNull()
      .references(() => softwareTitles.id),
    installed_on: text(),
  },
  (t) => [
    primaryKey({ columns: [t.device_id, t.title_id] }),
    index('device_software_title').on(t.title_id),
  ],
)
