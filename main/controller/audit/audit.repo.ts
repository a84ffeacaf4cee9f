import { and, asc, count, desc, eq, gte, like, lte, or } from 'drizzle-orm'
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
    all: (): AuditRow[] => db.select().from(auditLog).orderBy(asc(auditLog.id)).all(),
    heads: (): AuditHead[] => db.select().from(auditHeads).orderBy(asc(auditHeads.id)).all(),
  }
}
