import { and, count, eq, gt, isNull, sql } from 'drizzle-orm'
import type { EnrollmentId, GroupId, UserId } from '#shared/domain/ids.ts'
import { movedTime } from '../../store/moved-time.ts'
import { enrollments, users } from '../../store/schema/index.ts'
import type { Store } from '../../store/store.ts'

export type EnrollmentRow = typeof enrollments.$inferSelect

/** With the current name of its creator. */
export type ListedEnrollment = EnrollmentRow & { maker: string | null }

export function createEnrollmentRepo({ db, sqlite }: Store) {
  const latest = sqlite.prepare<[], Omit<ListedEnrollment, 'group_ids'> & { group_ids: string }>(
    `select e.*, u.username maker from enrollments e left join users u on u.id = e.created_by
     order by e.id desc limit 500`,
  )
  return {
    insert: (row: typeof enrollments.$inferInsert): EnrollmentRow =>
      db.insert(enrollments).values(row).returning().get(),
    list: (): ListedEnrollment[] =>
      latest.all().map((row) => ({ ...row, group_ids: JSON.parse(row.group_ids) as GroupId[] })),
    byId: (id: EnrollmentId): EnrollmentRow | undefined =>
      db.select().from(enrollments).where(eq(enrollments.id, id)).get(),
    byHash: (hash: string): EnrollmentRow | undefined =>
      db.select().from(enrollments).where(eq(enrollments.secret_hash, hash)).get(),
    /** Counts a use if one is left; undefined: spent, expired or revoked. */
    use: (id: EnrollmentId, nowIso: string): EnrollmentRow | undefined =>
      db
        .update(enrollments)
        .set({ uses: sql`${enrollments.uses} + 1` })
        .where(
          and(
            eq(enrollments.id, id),
            isNull(enrollments.revoked_at),
            gt(enrollments.expires_at, nowIso),
            sql`${enrollments.uses} < ${enrollments.max_uses}`,
          ),
        )
        .returning()
        .get(),
    /** @param byMs by how much the clock was set */
    moveExpiry: (byMs: number): void => {
      db.update(enrollments)
        .set({ expires_at: movedTime(enrollments.expires_at, byMs) })
        .where(isNull(enrollments.revoked_at))
        .run()
    },
    /** @returns how many were still usable */
    revokeAll: (nowIso: string): number =>
      db
        .update(enrollments)
        .set({ revoked_at: nowIso })
        .where(and(isNull(enrollments.revoked_at), gt(enrollments.expires_at, nowIso)))
        .run().changes,
    countOpen: (owner: UserId, nowIso: string): number =>
      db
        .select({ n: count() })
        .from(enrollments)
        .where(
          and(
            eq(enrollments.created_by, owner),
            isNull(enrollments.revoked_at),
            gt(enrollments.expires_at, nowIso),
            sql`${enrollments.uses} < ${enrollments.max_uses}`,
          ),
        )
        .get()?.n ?? 0,
    /** Stores the name of their creator in the codes, because the user is about to be removed. */
    keepCreatorName: (creator: UserId, name: string): void => {
      db.update(enrollments)
        .set({ created_by_name: sql`coalesce(created_by_name, ${name})` })
        .where(eq(enrollments.created_by, creator))
        .run()
    },
    nameOf: (id: UserId): string | null =>
      db.select({ name: users.username }).from(users).where(eq(users.id, id)).get()?.name ?? null,
    transfer: (from: UserId, to: UserId): void => {
      db.update(enrollments).set({ created_by: to }).where(eq(enrollments.created_by, from)).run()
    },
    revokeOf: (owner: UserId, nowIso: string): void => {
      db.update(enrollments)
        .set({ revoked_at: nowIso })
        .where(and(eq(enrollments.created_by, owner), isNull(enrollments.revoked_at)))
        .run()
    },
    revoke: (id: EnrollmentId, nowIso: string): void => {
      db.update(enrollments).set({ revoked_at: nowIso }).where(eq(enrollments.id, id)).run()
    },
  }
}
