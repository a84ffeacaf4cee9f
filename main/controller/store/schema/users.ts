import { index, integer, sqliteTable, text, type AnySQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { UserId } from '#shared/domain/ids.ts'

export const users = sqliteTable('users', {
  id: integer().$type<UserId>().primaryKey({ autoIncrement: true }),
  username: text().notNull().unique(),
  /**
   * The folded name (shared/domain/folding.ts), so that no two differ only in case. Null for a
   * duplicate from a version that allowed it.
   */
  name_key: text().unique(),
  /** `scrypt$N$r$p$salt$hash`, base64 */
  password_hash: text().notNull(),
  role: text({ enum: ['admin', 'technician'] }).notNull(),
  created_at: text().notNull(),
  /** Since when the user may not sign in. */
  disabled_at: text(),
  /**
   * The password was chosen by somebody else: the user has to choose another before anything else.
   */
  must_change_password: integer({ mode: 'boolean' }).notNull().default(false),
  last_login_at: text(),
  /**
   * When the account was removed. Its row stays until everything it owned has the new owner; until
   * then it counts as deleted.
   */
  removed_at: text(),
  /** Who receives what the removed account owned. Null: nobody. */
  successor_id: integer()
    .$type<UserId>()
    .references((): AnySQLiteColumn => users.id),
  /** Number of its changes. */
  version: integer().notNull().default(1),
})

/**
 * One row per sign-in. An access token names its session, so ending the session invalidates the
 * token everywhere.
 */
export const sessions = sqliteTable('sessions', {
  id: text().primaryKey(),
  user_id: integer()
    .$type<UserId>()
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  /** SHA-256 of the current refresh token, hex. */
  refresh_hash: text().notNull().unique(),
  created_at: text().notNull(),
  expires_at: text().notNull(),
  last_used_at: text(),
  /** Where it was last used, and by which program, as reported. */
  address: text(),
  client: text(),
})

/**
 * Refresh tokens that were exchanged for others. If one is used again, it or its successor was
 * stolen.
 */
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
