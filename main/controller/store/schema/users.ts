import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { UserId } from '#shared/domain/ids.ts'

export const users = sqliteTable('users', {
  id: integer().$type<UserId>().primaryKey({ autoIncrement: true }),
  username: text().notNull().unique(),
  /** `scrypt$N$r$p$salt$hash`, base64 */
  password_hash: text().notNull(),
  role: text({ enum: ['admin', 'technician'] }).notNull(),
  created_at: text().notNull(),
  /** Since when he may not sign in. */
  disabled_at: text(),
  /** The password was chosen by somebody else: he may do nothing but choose another. */
  must_change_password: integer({ mode: 'boolean' }).notNull().default(false),
  last_login_at: text(),
  /** Counts its changes. */
  version: integer().notNull().default(1),
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
  last_used_at: text(),
  /** Where it was used last, and by which program as that tells. */
  address: text(),
  client: text(),
})

/** Refresh tokens that were exchanged for others. One that comes again was stolen, or its successor was. */
export const spentRefreshTokens = sqliteTable(
  'spent_refresh_tokens',
  {
    /** SHA-256, hex. */
    hash: text().primaryKey(),
    session_id: text()
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    spent_at: text().notNull(),
  },
  (t) => [index('spent_refresh_tokens_session').on(t.session_id)],
)
