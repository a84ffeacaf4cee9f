import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
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
  ],
)

/** Signed ends of the log: entries that are removed later no longer match them. */
export const auditHeads = sqliteTable('audit_heads', {
  id: integer().primaryKey({ autoIncrement: true }),
  at: text().notNull(),
  entry_id: integer().notNull(),
  hash: text().notNull(),
  /** Ed25519 by the command key over headText(), base64. */
  signature: text().notNull(),
})
