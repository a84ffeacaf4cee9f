/** Users: their accounts, rights and sign-in. */
import type { OwnSession, User } from '#shared/contract/rest/users.ts'
import type { SessionId, UserId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import type { Clock, Log, Now, Random, Viewer } from '../../base/context.ts'
import { createListeners } from '../../base/listeners.ts'
import { moveWithClock } from '../../store/moved-time.ts'
import type { Store } from '../../store/store.ts'
import { createAccounts } from './accounts.ts'
import { createAdministration } from './administration.ts'
import type { Ownership } from './ownership.types.ts'
import type { Passwords } from './passwords.ts'
import { createRemovals } from './removals.ts'
import { createSessions } from './sessions.ts'
import { createSignIn } from './sign-in.ts'
import { createUsersRepo } from './users.repo.ts'

export type { Ownership } from './ownership.types.ts'
export { createPasswords, type Passwords } from './passwords.ts'
export type { Origin } from './sessions.ts'
export type { SignIn } from './sign-in.ts'
/** All sessions of a user, or one of them. */
export type SessionsEnded = { userId: UserId } | { sessionId: string }
export type Users = ReturnType<typeof createUsers>

export function createUsers(deps: {
  store: Store
  now: Now
  clock: Clock
  random: Random
  audit: Audit
  log: Log
  passwords: Passwords
  ownership: Ownership
}) {
  const repo = createUsersRepo(deps.store)
  const sessions = createSessions({ ...deps, repo })
  const stopMoving = moveWithClock(deps.clock, repo.moveExpiry)
  const accounts = createAccounts({ ...deps, repo, sessions })
  const removals = createRemovals({ ...deps, repo })
  const changes = createListeners<UserId>()
  const changed = changes.emit
  const sessionEnds = createListeners<SessionsEnded>()
  const sessionsEnded = sessionEnds.emit
  const ownerChanges = createListeners<void>()

  return {
    get: (id: UserId): User => accounts.toUser(accounts.existing(id)),
    list: (): User[] => accounts.list(),
    onChange: changes.on,
    /** Sessions have ended: whatever they keep open has to end as well. */
    onSessionsEnded: sessionEnds.on,
    /** Who owns what, or may see what, has changed. */
    onOwnersChanged: ownerChanges.on,
    /** For the feed; null: the user does not exist (any more). */
    describe: (id: UserId): User | null => {
      const row = repo.byId(id)
      return row ? accounts.toUser(row) : null
    },

    ...createSignIn({ ...deps, repo, accounts, sessions, changed, sessionsEnded }),
    ...createAdministration({
      ...deps,
      ...{ repo, accounts, removals, changed, sessionsEnded },
      ownersChanged: () => ownerChanges.emit(),
    }),

    /**
     * The session's user in their current state; null if the session has ended or they may not sign
     * in.
     */
    viewerOf: (sessionId: string, address: string): Viewer | null =>
      sessions.viewerOf(sessionId, address),
    logout(viewer: Viewer, sessionId: string): void {
      sessions.logout(viewer, sessionId)
      sessionsEnded({ sessionId })
      changed(viewer.id)
    },
    logoutAll(viewer: Viewer): void {
      sessions.logoutAll(viewer)
      sessionsEnded({ userId: viewer.id })
      changed(viewer.id)
    },
    sessionsOf: (viewer: Viewer, currentId: string | null): OwnSession[] =>
      sessions.listOf(viewer.id, currentId),
    endSession(viewer: Viewer, sessionId: SessionId): void {
      sessions.end(viewer, sessionId)
      sessionsEnded({ sessionId })
      changed(viewer.id)
    },

    /** Continues removals of accounts that an earlier run did not finish. */
    start: (): void => removals.start(),
    /** Ends the password thread. */
    stop: async (): Promise<void> => {
      stopMoving()
      await removals.stop()
      await deps.passwords.stop()
    },
  }
}
