/** Open sessions: created, renewed, listed, ended. A refresh token is valid for one renewal. */
import { createHash } from 'node:crypto'
import type { OwnSession } from '#shared/contract/rest/users.ts'
import { AppError } from '#shared/contract/errors.ts'
import { SessionId, type UserId } from '#shared/domain/ids.ts'
import { replaceMisleading } from '#shared/domain/plain-text.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, type Now, type Random, type Viewer } from '../../base/context.ts'
import { storageFailure } from '../../store/failures.ts'
import type { Store } from '../../store/store.ts'
import type { UserRow, UsersRepo } from './users.repo.ts'

const REFRESH_LIFE_MS = 7 * 24 * 3_600_000
/** A user who signs in more often loses the least recently used session. */
const SESSIONS_PER_USER = 50
/** The time of last use is stored at most this often. */
const TOUCH_EVERY_MS = 60_000
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The client's address and program. */
export type Origin = { address: string; client: string | null }
export type OpenedSession = { row: UserRow; sessionId: string; refreshToken: string }

/** The name that a client sends: one line, bounded. */
const clientText = (client: string | null): string | null =>
  client === null ? null : replaceMisleading(client).slice(0, 256)

export type Sessions = ReturnType<typeof createSessions>
export function createSessions(deps: {
  store: Store
  repo: UsersRepo
  now: Now
  random: Random
  audit: Audit
}) {
  const { repo, store, random } = deps
  const nowIso = () => isoTime(deps.now())
  const expiry = () => isoTime(deps.now() + REFRESH_LIFE_MS)
  repo.dropExpiredSessions(nowIso())
  const sessionEnded = () =>
    new AppError('E_UNAUTHENTICATED', 'This session has ended. Sign in again.')

  /** The time of last use is informative; failing to store it does not refuse a request. */
  function touch(sessionId: string, address: string): void {
    try {
      repo.touchSession(sessionId, nowIso(), address)
    } catch (error) {
      if (!storageFailure(error)) throw error
    }
  }

  return {
    /** Call it inside the caller's transaction. */
    open(row: UserRow, origin: Origin): OpenedSession {
      const sessionId = random.bytes(16).toString('hex')
      const refreshToken = random.bytes(32).toString('base64url')
      const session = {
        id: sessionId,
        user_id: row.id,
        refresh_hash: sha256(refreshToken),
        created_at: nowIso(),
        expires_at: expiry(),
        last_used_at: nowIso(),
        address: origin.address,
        client: clientText(origin.client),
      }
      repo.addSession(session, SESSIONS_PER_USER)
      return { row, sessionId, refreshToken }
    },

    /**
     * Exchanges a refresh token for a new one; the old one becomes invalid. A token that is used
     * twice was copied, so the session ends, no matter who holds it.
     * @throws AppError E_UNAUTHENTICATED
     */
    renew(
      refreshToken: string,
      origin: Origin,
      onReuse: (sessionId: string) => void,
    ): OpenedSession {
      const hash = sha256(refreshToken)
      const next = random.bytes(32).toString('base64url')
      const change = {
        refresh_hash: sha256(next),
        expires_at: expiry(),
        last_used_at: nowIso(),
        address: origin.address,
        client: clientText(origin.client),
      }
      const forgetBefore = isoTime(deps.now() - REFRESH_LIFE_MS)
      const session = store.transaction(() =>
        repo.rotateSession(hash, change, nowIso(), forgetBefore),
      )
      const row = session && repo.byId(session.user_id)
      if (session && row) return { row, sessionId: session.id, refreshToken: next }
      const copied = repo.sessionBySpent(hash)
      const owner = copied && repo.byId(copied.user_id)
      if (copied && owner) {
        store.transaction(() => {
          repo.endSession(copied.id, owner.id)
          deps.audit.record(
            { id: owner.id, username: owner.username, address: origin.address },
            'user.session_reused',
            `user ${owner.username}`,
            'a refresh token was used twice; its session was ended',
            { outcome: 'refused' },
          )
        })
        onReuse(copied.id)
      }
      throw sessionEnded()
    },

    /**
     * The session's user in their current state; null if the session has ended or they may not sign
     * in.
     */
    viewerOf(sessionId: string, address: string): Viewer | null {
      const user = repo.sessionUser(sessionId, nowIso())
      if (!user) return null
      const { last_used_at, must_change_password, ...viewer } = user
      const lastMs = last_used_at === null ? 0 : Date.parse(last_used_at)
      // A clock that was set back must not stop it for that long.
      if (Math.abs(deps.now() - lastMs) > TOUCH_EVERY_MS) touch(sessionId, address)
      return { ...viewer, address, mustChangePassword: must_change_password === 1 }
    },

    listOf: (userId: UserId, currentId: string | null): OwnSession[] =>
      repo.sessionsOf(userId, nowIso()).map((row) => ({
        id: SessionId.parse(row.id),
        created_at: row.created_at,
        last_used_at: row.last_used_at ?? row.created_at,
        expires_at: row.expires_at,
        address: row.address,
        client: row.client,
        current: row.id === currentId,
      })),
    counts: (): Map<UserId, number> => repo.sessionCounts(nowIso()),

    /** The user signs out of this session. */
    logout(viewer: Viewer, sessionId: string): void {
      store.transaction(() => {
        repo.endSession(sessionId, viewer.id)
        deps.audit.record(viewer, 'user.logout', `user ${viewer.username}`, '')
      })
    },
    logoutAll(viewer: Viewer): void {
      store.transaction(() => {
        repo.endSessionsOf(viewer.id)
        deps.audit.record(viewer, 'user.logout_all', `user ${viewer.username}`, '')
      })
    },
    /**
     * Ends one of the viewer's own sessions. @throws AppError E_NOT_FOUND, also for another user's
     */
    end(viewer: Viewer, sessionId: SessionId): void {
      store.transaction(() => {
        if (!repo.endSession(sessionId, viewer.id))
          throw new AppError('E_NOT_FOUND', 'This session does not exist.')
        deps.audit.record(viewer, 'user.end_session', `user ${viewer.username}`, 'one session')
      })
    },
  }
}
