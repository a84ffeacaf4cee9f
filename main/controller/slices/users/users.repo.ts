import { and, count, desc, eq, gt, inArray, isNotNull, isNull, lt, ne, sql } from 'drizzle-orm'
import type { Role } from '#shared/contract/rest/users.ts'
import type { SessionId, UserId } from '#shared/domain/ids.ts'
import { sessions, spentRefreshTokens, users } from '../../store/schema/index.ts'
import { foldedName } from '#shared/domain/folding.ts'
import { isName } from '../../store/folded.ts'
import { movedTime } from '../../store/moved-time.ts'
import type { Store } from '../../store/store.ts'

export type UserRow = typeof users.$inferSelect
export type SessionRow = typeof sessions.$inferSelect
export type SessionUser = {
  id: UserId
  username: string
  role: Role
  must_change_password: 0 | 1
  last_used_at: string | null
}

/** Whether the account was not removed. */
const isKept = isNull(users.removed_at)

export function createUsersRepo({ db, sqlite }: Store) {
  // Runs on every request, so it is prepared once.
  const sessionUser = sqlite.prepare<[string, string], SessionUser>(
    `select u.id, u.username, u.role, u.must_change_password, s.last_used_at from sessions s join users u on u.id = s.user_id
     where s.id = ? and s.expires_at > ? and u.disabled_at is null`,
  )
  const touch = sqlite.prepare<[string, string, string]>(
    'update sessions set last_used_at = ?, address = ? where id = ?',
  )
  /** The user's sessions beyond the limit, least recently used first. */
  const endOldest = sqlite.prepare<[number, number]>(
    `delete from sessions where id in (select id from sessions where user_id = ?
     order by coalesce(last_used_at, created_at) desc limit -1 offset ?)`,
  )
  return {
    count: (): number => db.select({ n: count() }).from(users).where(isKept).get()?.n ?? 0,
    /** Administrators who can sign in. */
    countActiveAdmins: (): number =>
      db
        .select({ n: count() })
        .from(users)
        .where(and(eq(users.role, 'admin'), isNull(users.disabled_at)))
        .get()?.n ?? 0,
    list: (): UserRow[] => db.select().from(users).where(isKept).orderBy(users.username).all(),
    byId: (id: UserId): UserRow | undefined =>
      db
        .select()
        .from(users)
        .where(and(eq(users.id, id), isKept))
        .get(),
    /** Accounts of this name; databases of earlier versions may hold several that differ in case or composition. */
    withName: (username: string): UserRow[] =>
      db
        .select()
        .from(users)
        .where(and(isName(users.username, username), isKept))
        .orderBy(users.id)
        .all(),
    insert: (row: typeof users.$inferInsert): UserRow =>
      db
        .insert(users)
        .values({ ...row, name_key: foldedName(row.username) })
        .returning()
        .get(),
    update: (
      id: UserId,
      change: Partial<Omit<UserRow, 'id' | 'created_at' | 'name_key'>>,
    ): void => {
      const name_key = change.username === undefined ? undefined : foldedName(change.username)
      db.update(users)
        .set({ ...change, name_key })
        .where(eq(users.id, id))
        .run()
    },
    remove: (id: UserId): void => {
      db.delete(users).where(eq(users.id, id)).run()
    },
    /** From now on it counts as deleted, and may not sign in. */
    markRemoved: (id: UserId, successor: UserId | null, nowIso: string): void => {
      db.update(users)
        .set({ removed_at: nowIso, disabled_at: nowIso, successor_id: successor })
        .where(eq(users.id, id))
        .run()
    },
    /** Removed accounts that still own something, oldest first. */
    removed: (): UserRow[] =>
      db.select().from(users).where(isNotNull(users.removed_at)).orderBy(users.removed_at).all(),
    /** Whether a removed account still has this name. */
    isNameOfRemoved: (username: string): boolean =>
      db
        .select({ id: users.id })
        .from(users)
        .where(and(isName(users.username, username), isNotNull(users.removed_at)))
        .get() !== undefined,
    /** Removed accounts whose successor is this one get another. */
    replaceSuccessor: (id: UserId, by: UserId | null): void => {
      db.update(users).set({ successor_id: by }).where(eq(users.successor_id, id)).run()
    },

    /** How many sessions each user has. */
    sessionCounts: (nowIso: string): Map<UserId, number> =>
      new Map(
        db
          .select({ user: sessions.user_id, n: count() })
          .from(sessions)
          .where(gt(sessions.expires_at, nowIso))
          .groupBy(sessions.user_id)
          .all()
          .map(({ user, n }) => [user, n]),
      ),
    sessionsOf: (id: UserId, nowIso: string): SessionRow[] =>
      db
        .select()
        .from(sessions)
        .where(and(eq(sessions.user_id, id), gt(sessions.expires_at, nowIso)))
        .orderBy(desc(sql`coalesce(${sessions.last_used_at}, ${sessions.created_at})`))
        .all(),
    addSession(row: typeof sessions.$inferInsert, keep: number): void {
      db.insert(sessions).values(row).run()
      endOldest.run(row.user_id, keep)
    },
    /** The session whose refresh token this was before it was exchanged. */
    sessionBySpent: (refreshHash: string): SessionRow | undefined =>
      db
        .select({ session: sessions })
        .from(spentRefreshTokens)
        .innerJoin(sessions, eq(sessions.id, spentRefreshTokens.session_id))
        .where(eq(spentRefreshTokens.hash, refreshHash))
        .get()?.session,
    /**
     * Exchanges the refresh token of a session that has not expired, if its user may sign in. One
     * statement finds and replaces it, so no two renewals succeed with the same token. Inside a
     * transaction.
     * @param forgetBefore spent tokens older than this have expired anyway
     */
    rotateSession(
      refreshHash: string,
      change: Pick<
        SessionRow,
        'refresh_hash' | 'expires_at' | 'last_used_at' | 'address' | 'client'
      >,
      nowIso: string,
      forgetBefore: string,
    ): SessionRow | undefined {
      const mayLogIn = db.select({ id: users.id }).from(users).where(isNull(users.disabled_at))
      const session = db
        .update(sessions)
        .set(change)
        .where(
          and(
            eq(sessions.refresh_hash, refreshHash),
            gt(sessions.expires_at, nowIso),
            inArray(sessions.user_id, mayLogIn),
          ),
        )
        .returning()
        .get() as SessionRow | undefined
      if (!session) return undefined
      db.insert(spentRefreshTokens)
        .values({ hash: refreshHash, session_id: session.id, spent_at: nowIso })
        .run()
      db.delete(spentRefreshTokens)
        .where(
          and(
            eq(spentRefreshTokens.session_id, session.id),
            lt(spentRefreshTokens.spent_at, forgetBefore),
          ),
        )
        .run()
      return session
    },
    sessionUser: (id: string, nowIso: string): SessionUser | undefined =>
      sessionUser.get(id, nowIso),
    touchSession: (id: string, nowIso: string, address: string): void => {
      touch.run(nowIso, address, id)
    },
    /** False: this user has no such session. */
    endSession: (id: SessionId | string, userId: UserId): boolean =>
      db
        .delete(sessions)
        .where(and(eq(sessions.id, id), eq(sessions.user_id, userId)))
        .run().changes > 0,
    endSessionsOf: (userId: UserId, except?: string): void => {
      db.delete(sessions)
        .where(
          and(
            eq(sessions.user_id, userId),
            except === undefined ? undefined : ne(sessions.id, except),
          ),
        )
        .run()
    },
    /** @param byMs by how much the clock was set */
    moveExpiry: (byMs: number): void => {
      db.update(sessions)
        .set({ expires_at: movedTime(sessions.expires_at, byMs) })
        .run()
    },
    dropExpiredSessions: (nowIso: string): void => {
      db.delete(sessions).where(lt(sessions.expires_at, nowIso)).run()
    },
  }
}
export type UsersRepo = ReturnType<typeof createUsersRepo>
