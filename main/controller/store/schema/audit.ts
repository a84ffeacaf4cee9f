import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { UserId } from '#shared/domain/ids.ts'

export const auditLog = sqliteTable('audit_log', {
  id: integer().primaryKey({ autoIncrement: true }),
  at: text().notNull(),
  /** Null for what the controller did of itself. No foreign key: the trail outlives its users. */
  actor_id: integer().$type<UserId>(),
  actor: text().notNull(),
  action: text().notNull(),
  subject: text().notNull(),
  details: text().notNull(),
})
