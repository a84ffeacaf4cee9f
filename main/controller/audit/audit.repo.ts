import { and, count, desc, eq, gte, like, lte, or } from 'drizzle-orm'
import Database from 'better-sqlite3'
import type { UserId } from '#shared/domain/ids.ts'
import { auditHeads, auditLog } from '../store/schema/index.ts'
import type { Store } from '../store/store.ts'

export type AuditRow = typeof auditLog.$inferSelect
export type AuditHead = typeof auditHeads.$inferSelect

export type AuditFilter = {
  /** Null = everybody's. */
  actorId: UserId | null
  /** Part of actor, action, subject or details. */
  q?: string | undefined
  since?: string | undefined
  until?: string | undefined
}

export function createAuditRepo({ db, sqlite }: Store) {
  const last = sqlite.prepare<[], { id: number; hash: string | null }>(
    'select id, hash from audit_log order by id desc limit 1',
  )
  const lastHead = sqlite
    .prepare<[], number>('select entry_id from audit_heads order by id desc limit 1')
    .pluck()
  const where = ({ actorId, q, since, until }: AuditFilter) => {
    const part = q === undefined ? undefined : `%${q.replaceAll(/[%_\\]/g, '')}%`
    return and(
      actorId === null ? undefined : eq(auditLog.actor_id, actorId),
      since === undefined ? undefined : gte(auditLog.at, since),
      until === undefined ? undefined : lte(auditLog.at, until),
      part === undefined
        ? undefined
        : or(
            like(auditLog.actor, part),
            like(auditLog.action, part),
            like(auditLog.subject, part),
            like(auditLog.details, part),
          ),
    )
  }
  return {
    insert: (row: typeof auditLog.$inferInsert): void => {
      db.insert(auditLog).values(row).run()
    },
    last: (): { id: number; hash: string | null } | undefined => last.get(),
    /** Newest first. */
    page(filter: AuditFilter, limit: number, offset: number) {
      const matching = where(filter)
      return {
        rows: db
          .select()
          .from(auditLog)
          .where(matching)
          .orderBy(desc(auditLog.id))
          .limit(limit)
          .offset(offset)
          .all(),
        total: db.select({ n: count() }).from(auditLog).where(matching).get()?.n ?? 0,
      }
    },
    lastSealed: (): number | undefined => lastHead.get(),
    insertHead: (head: typeof auditHeads.$inferInsert): void => {
      db.insert(auditHeads).values(head).run()
    },
  }
}

/**
 * The whole trail of a database, oldest first and one by one, and its signed ends, as of one moment. Through a connection of
 * its own that cannot write, so also beside a controller that is using it.
 */
export function readTrail<T>(
  databaseFile: string,
  work: (rows: Iterable<AuditRow>, heads: AuditHead[]) => T,
): T {
  const sqlite = new Database(databaseFile, { readonly: true, timeout: 5_000 })
  const heads = sqlite.prepare<[], AuditHead>('select * from audit_heads order by id')
  const rows = sqlite.prepare<[], AuditRow>('select * from audit_log order by id')
  try {
    return sqlite.transaction(() => work(rows.iterate(), heads.all()))()
  } finally {
    sqlite.close()
  }
}
