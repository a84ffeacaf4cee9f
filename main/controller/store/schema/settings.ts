import { sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { SettingName } from '#shared/contract/rest-settings.ts'

/** One row for each setting that was ever decided; what has none stands at its default. */
export const settings = sqliteTable('settings', {
  name: text().$type<SettingName>().primaryKey(),
  /** JSON. */
  value: text().notNull(),
})
