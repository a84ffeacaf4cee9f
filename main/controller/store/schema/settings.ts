import { sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { SettingName } from '#shared/contract/rest/settings-routes.ts'

/** One row per changed setting; the others have their default. */
export const settings = sqliteTable('settings', {
  name: text().$type<SettingName>().primaryKey(),
  /** JSON. */
  value: text().notNull(),
})
