import { and, eq, lt } from 'drizzle-orm'
import type { UserId } from '#shared/domain/ids.ts'
import { answeredRequests } from '../../store/schema/index.ts'
import type { Store } from '../../store/store.ts'

export type AnsweredRow = typeof answeredRequests.$inferSelect
export type RequestsRepo = ReturnType<typeof createRequestsRepo>

export function createRequestsRepo({ db, sqlite }: Store) {
  const dropOldest = sqlite.prepare<[number, number]>(
    `delete from answered_requests where rowid in
     (select rowid from answered_requests where user_id = ? order by rowid desc limit -1 offset ?)`,
  )
  const move = sqlite.prepare<[number, number]>(
    'update answered_requests set at_ms = min(at_ms + ?, ?)',
  )
  return {
    /** Their age stays the same when the clock is set. @param nowMs by the clock's new time */
    moveTimes: (byMs: number, nowMs: number): void => void move.run(byMs, nowMs),
    find: (user: UserId, requestId: string): AnsweredRow | undefined =>
      db
        .select()
        .from(answeredRequests)
        .where(and(eq(answeredRequests.user_id, user), eq(answeredRequests.request_id, requestId)))
        .get(),
    insert: (row: AnsweredRow): void => {
      db.insert(answeredRequests).values(row).run()
    },
    /** @param keep how many of the user's newest entries stay */
    prune(user: UserId, keep: number, beforeMs: number): void {
      db.delete(answeredRequests).where(lt(answeredRequests.at_ms, beforeMs)).run()
      dropOldest.run(user, keep)
    },
  }
}
