import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { UserId } from '#shared/domain/ids.ts'
import { users } from './users.ts'

/**
 * Answers to requests with a key, so that a repeated request gets the same answer. Kept for a
 * limited time.
 */
export const answeredRequests = sqliteTable(
  'answered_requests',
  {
    user_id: integer()
      .$type<UserId>()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    request_id: text().notNull(),
    /** Name of the route, such as `deployments.create`. */
    route: text().notNull(),
    /** HMAC-SHA256 over parameters and body, hex: identifies the same request. */
    fingerprint: text().notNull(),
    /** The id of what was created. */
    subject_id: integer(),
    /** The answer as JSON, sealed: some contain an enrolment code. */
    answer: text().notNull(),
    at_ms: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.request_id] }),
    index('answered_requests_age').on(t.at_ms),
  ],
)
