import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { UserId } from '#shared/domain/ids.ts'

export const users = sqliteTable('users', {
  id: integer().$type<UserId>().primaryKey({ autoIncrement: true }),
  username: text().notNull().unique(),
  /** `scrypt$N$r$p$salt$hash`, base64 */
  password_hash: text().notNull(),
  role: text({ enum: ['admin', 'technician'] }).notNull(),
  created_at: text().notNull(),
})

/** One row per sign-in. An access token names its session, so that ending the session ends the token everywhere. */
export const sessions = sqliteTable('sessions', {
  id: text().primaryKey(),
  user_id: integer()
    .$type<UserId>()
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  /** SHA-256 of the refresh token that is valid now, hex. */
  refresh_hash: text().notNull().unique(),
  created_at: text().notNull(),
  expires_at: text().notNull(),
})
