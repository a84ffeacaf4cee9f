import { count, desc, eq } from 'drizzle-orm'
import type { UserId } from '#shared/domain/ids.ts'
import { auditLog } from '../store/schema/index.ts'
import type { Store } from '../store/store.ts'

export function createAuditRepo({ db }: Store) {
  return {
    insert: (row: typeof auditLog.$inferInsert): void => {
      db.insert(auditLog).values(row).run()
    },
    /** Newest first; `actorId` null = everybody's. */
    page(actorId: UserId | null, limit: number, offset: number) {
      const mine = actorId === null ? undefined : eq(auditLog.actor_id, actorId)
      return {
        rows: db
          .select()
          .from(auditLog)
          .where(mine)
          .orderBy(desc(auditLog.id))
          .limit(limit)
          .offset(offset)
          .all(),
        total: db.select({ n: count() }).from(auditLog).where(mine).get()?.n ?? 0,
      }
    },
  }
}
