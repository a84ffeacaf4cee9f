import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { TextCode } from '#shared/domain/coded-texts/codes.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { devices } from './devices.ts'

/** The last version that a device was ordered to install, and the outcome. */
export const agentUpdates = sqliteTable('agent_updates', {
  device_id: integer()
    .$type<DeviceId>()
    .primaryKey()
    .references(() => devices.id, { onDelete: 'cascade' }),
  version: text().notNull(),
  /** Of the current order; replies to an earlier one are ignored. */
  sequence: integer().notNull(),
  /** `ordered`: not answered yet. `waiting`: to be ordered again from not_before_ms on. */
  state: text().$type<'ordered' | 'accepted' | 'waiting' | 'done' | 'failed'>().notNull(),
  message: text().notNull().default(''),
  message_code: text().$type<TextCode>(),
  /** JSON. */
  message_params: text(),
  tries: integer().notNull(),
  changed_at_ms: integer().notNull(),
  not_before_ms: integer().notNull().default(0),
})
