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
  /** SHA-256 over the entry and the hash of the one before it, hex. Null for what an older version wrote. */
  hash: text(),
})

/** The end of the trail at some time, signed: whoever takes entries away later cannot make these agree. */
export const auditHeads = sqliteTable('audit_heads', {
  id: integer().primaryKey({ autoIncrement: true }),
  at: text().notNull(),
  entry_id: integer().notNull(),
  hash: text().notNull(),
  /** Ed25519 by the command key over headText(), base64. */
  signature: text().notNull(),
})
