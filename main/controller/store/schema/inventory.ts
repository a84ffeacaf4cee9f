import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { InventorySections } from '#shared/domain/inventory.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { devices } from './devices.ts'

/** A device's hardware and system, as its agent last reported them. */
export const deviceInventory = sqliteTable('device_inventory', {
  device_id: integer()
    .$type<DeviceId>()
    .primaryKey()
    .references(() => devices.id, { onDelete: 'cascade' }),
  /** Over all of it, including the software: SHA-256, hex. */
  hash: text().notNull(),
  sections: text({ mode: 'json' }).$type<InventorySections>().notNull(),
  /** Whether its software could be determined; the list may still be empty. */
  has_software: integer({ mode: 'boolean' }).notNull(),
  /** When its agent last checked, and when that brought a change. By the controller's clock. */
  collected_at: text().notNull(),
  changed_at: text().notNull(),
})

/**
 * A program as installed on devices. The PCs of an office are much alike, so each is stored once,
 * not once per PC.
 */
export const softwareTitles = sqliteTable('software_titles', {
  id: integer().primaryKey({ autoIncrement: true }),
  /** InstalledSoftware as JSON, without the installation date. */
  entry: text().notNull().unique(),
  /** Its name, for searching. */
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
