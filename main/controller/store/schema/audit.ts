import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { DeploymentId, DeviceId, UserId } from '#shared/domain/ids.ts'

export const auditLog = sqliteTable(
  'audit_log',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    at: text().notNull(),
    /** Null for the controller's own actions. No foreign key: the log outlives its users. */
    actor_id: integer().$type<UserId>(),
    actor: text().notNull(),
    action: text().notNull(),
    subject: text().notNull(),
    details: text().notNull(),
    /**
     * SHA-256 over the entry and the hash of the one before it, hex. Null for entries of an older
     * version.
     */
    hash: text(),
    /**
     * The hash of the one before it, empty for the first. Unique, so the chain cannot fork. Null for
     * entries of an older version.
     */
    previous: text().unique(),
    /** Which text was hashed (chain.ts). Null: the first format, without the columns below. */
    format: integer(),
    /** The client's address; null for the controller's own actions. */
    address: text(),
    outcome: text({ enum: ['done', 'refused', 'failed'] }),
    /** What it concerns, for searching. No foreign keys either. */
    device_id: integer().$type<DeviceId>(),
    deployment_id: integer().$type<DeploymentId>(),
    /** JSON, exactly as it was hashed: for programs. */
    data: text(),
  },
  (t) => [
    index('audit_log_actor').on(t.actor),
    index('audit_log_action').on(t.action),
    index('audit_log_device').on(t.device_id),
    index('audit_log_deployment').on(t.deployment_id),
    index('audit_log_actor_action').on(t.actor, t.action),
    index('audit_log_actor_id').on(t.actor_id),
    index('audit_log_actor_id_action').on(t.actor_id, t.action),
  ],
)

/**
 * Which entries were written on a day (UTC): bounds for a search by time. Written after the
 * entries, with `audit_facets` and the full-text index (audit-index.repo.ts).
 */
export const auditDays = sqliteTable('audit_days', {
  day: text().primaryKey(),
  first_id: integer().notNull(),
  last_id: integer().notNull(),
})

/** How many entries there are of each actor and action. */
export const auditFacets = sqliteTable(
  'audit_facets',
  {
    actor: text().notNull(),
    action: text().notNull(),
    /** 0: nobody with an account. */
    actor_id: integer().notNull(),
    entries: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.actor, t.action, t.actor_id] })],
)

/** Signed ends of the log: entries that are removed later no longer match them. */
export const auditHeads = sqliteTable(
  'audit_heads',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    at: text().notNull(),
    entry_id: integer().notNull(),
    hash: text().notNull(),
    /** Ed25519 by the command key over headText(), base64. */
    signature: text().notNull(),
  },
  (t) => [index('audit_heads_entry').on(t.entry_id)],
)
