import { and, count, eq, gt, lt, sql } from 'drizzle-orm'
import type { Role } from '#shared/contract/entities.ts'
import type { UserId } from '#shared/domain/ids.ts'
import { sessions, users } from '../store/schema/index.ts'
import type { Store } from '../store/store.ts'

export type UserRow = typeof users.$inferSelect

export function createUsersRepo({ db, sqlite }: Store) {
  // Asked at every request: prepared once.
  const sessionUser = sqlite.prepare<[string, string]>(
    'select u.id, u.username, u.role from sessions s join users u on u.id = s.user_id where s.id = ? and s.expires_at > ?',
  )
  return {
    count: (): number => db.select({ n: count() }).from(users).get()?.n ?? 0,
    countAdmins: (): number =>
      db.select({ n: count() }).from(users).where(eq(users.role, 'admin')).get()?.n ?? 0,
    list: (): UserRow[] => db.select().from(users).orderBy(users.username).all(),
    byId: (id: UserId): UserRow | undefined =>
      db.select().from(users).where(eq(users.id, id)).get(),
    byName: (username: string): UserRow | undefined =>
      db
        .select()
        .from(users)
        .where(sql`lower(${users.username}) = lower(${username})`)
        .get(),
    insert: (row: typeof users.$inferInsert): UserRow =>
      db.insert(users).values(row).returning().get(),
    update: (id: UserId, change: Partial<Pick<UserRow, 'password_hash' | 'role'>>): void => {
      db.update(users).set(change).where(eq(users.id, id)).run()
    },
    remove: (id: UserId): void => {
      db.delete(users).where(eq(users.id, id)).run()
    },

    addSession: (row: typeof sessions.$inferInsert): void => {
      db.insert(sessions).values(row).run()
    },
    sessionByRefresh: (refreshHash: string, nowIso: string) =>
      db
        .select()
        .from(sessions)
        .where(and(eq(sessions.refresh_hash, refreshHash), gt(sessions.expires_at, nowIso)))
        .get(),
    rotateSession: (id: string, refreshHash: string, expiresAt: string): void => {
      db.update(sessions)
        .set({ refresh_hash: refreshHash, expires_at: expiresAt })
        .where(eq(sessions.id, id))
        .run()
    },
    sessionUser: (id: string, nowIso: string) =>
      sessionUser.get(id, nowIso) as { id: UserId; username: string; role: Role } | undefined,
    endSession: (id: string): void => {
      db.delete(sessions).where(eq(sessions.id, id)).run()
    },
    endSessionsOf: (userId: UserId): void => {
      db.delete(sessions).where(eq(sessions.user_id, userId)).run()
    },
    dropExpiredSessions: (nowIso: string): void => {
      db.delete(sessions).where(lt(sessions.expires_at, nowIso)).run()
    },
  }
}
