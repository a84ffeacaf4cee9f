/** Authentication: the first account, sign-in, its renewal, and changing one's own password. */
import type { User } from '#shared/contract/rest/users.ts'
import { AppError } from '#shared/contract/errors.ts'
import { unknownActor, type Audit } from '../audit/index.ts'
import { isoTime, type Clock, type Now, type Viewer } from '../../base/context.ts'
import type { UserId } from '#shared/domain/ids.ts'
import type { Store } from '../../store/store.ts'
import { subjectOf, type Accounts } from './accounts.ts'
import { checkPassword } from './password-rules.ts'
import type { Passwords } from './passwords.ts'
import type { OpenedSession, Origin, Sessions } from './sessions.ts'
import { createThrottle } from './throttle.ts'
import type { UserRow, UsersRepo } from './users.repo.ts'

export type SignIn = { user: User; sessionId: string; refreshToken: string }

export function createSignIn(deps: {
  store: Store
  repo: UsersRepo
  accounts: Accounts
  sessions: Sessions
  passwords: Passwords
  audit: Audit
  now: Now
  /** Called after the commit: the user's sessions or the time of their last sign-in have changed. */
  changed: (id: UserId) => void
  clock: Clock
  /** This session has ended. */
  sessionsEnded: (what: { sessionId: string }) => void
}) {
  const { store, repo, sessions, passwords, audit } = deps
  const { add, existing, toUser } = deps.accounts
  const throttle = createThrottle(deps)
  // A sign-in with an unknown name is compared with this, so it takes as long as one with a wrong
  // password.
  const unmatchableHash = passwords.unmatchable()
  const signIn = ({ row, ...session }: OpenedSession): SignIn => ({ ...session, user: toUser(row) })

  /**
   * The user with this name. If earlier versions created several that differ only in case, the name
   * has to match exactly.
   */
  function namedBy(username: string): UserRow | undefined {
    const named = repo.withName(username)
    const exact = username.normalize('NFC')
    return (
      named.find((row) => row.username.normalize('NFC') === exact) ??
      (named.length === 1 ? named[0] : undefined)
    )
  }

  /**
   * Limits how fast passwords can be guessed. @throws AppError E_RATE_LIMITED with the seconds to
   * wait
   */
  function beginTry(username: string, address: string) {
    const attempt = throttle.begin(username, address)
    if (!('waitMs' in attempt)) return attempt
    const seconds = Math.ceil(attempt.waitMs / 1_000)
    const message = `Too many attempts. Try again in ${seconds} s.`
    throw new AppError('E_RATE_LIMITED', message, [], { retryAfterSeconds: seconds })
  }

  return {
    setupNeeded: (): boolean => repo.count() === 0,

    /**
     * Creates the first account, an administrator. @throws AppError E_SETUP_DONE once there is an
     * account, E_VALIDATION
     */
    async setup(username: string, password: string, origin: Origin): Promise<SignIn> {
      if (repo.count() > 0)
        throw new AppError('E_SETUP_DONE', 'The first account already exists. Sign in instead.')
      const record = (row: UserRow) =>
        audit.record(
          { id: row.id, username, address: origin.address },
          'user.setup',
          subjectOf(row),
          'first account',
        )
      const row = await add({ username, password, role: 'admin' }, record, true)
      return signIn(await store.write(() => sessions.open(row, origin)))
    },

    /**
     * @throws AppError E_CREDENTIALS, the same for an unknown name and a wrong password;
     * E_ACCOUNT_DISABLED, only with the right password; E_RATE_LIMITED with the seconds to wait
     */
    async login(username: string, password: string, origin: Origin): Promise<SignIn> {
      const attempt = beginTry(username, origin.address)
      const row = namedBy(username)
      const right = await passwords
        .verify(password, row?.password_hash ?? unmatchableHash)
        .catch((error: unknown) => {
          attempt.withdrawn()
          throw error
        })
      // Read again: it may have changed while the password was hashed.
      const current = row && repo.byId(row.id)
      const known = current?.password_hash === row?.password_hash ? current : undefined
      if (!known || !right || known.disabled_at !== null) {
        audit.refused(
          { ...unknownActor(origin.address), address: origin.address },
          'user.login_failed',
          `user ${username.slice(0, 64)}`,
          known && right ? 'the account is disabled' : '',
        )
        if (known && right)
          throw new AppError(
            'E_ACCOUNT_DISABLED',
            'This account is disabled. Ask an administrator.',
          )
        throw new AppError('E_CREDENTIALS', 'The user name or the password is wrong.')
      }
      attempt.succeeded()
      const done = await store.write(() => {
        repo.update(known.id, { last_login_at: isoTime(deps.now()) })
        audit.record({ ...known, address: origin.address }, 'user.login', subjectOf(known), '')
        return signIn(sessions.open(existing(known.id), origin))
      })
      deps.changed(known.id)
      return done
    },

    /** Exchanges a refresh token for a new one. @throws AppError E_UNAUTHENTICATED */
    refresh: (refreshToken: string, origin: Origin): SignIn =>
      signIn(
        sessions.renew(refreshToken, origin, (sessionId) => deps.sessionsEnded({ sessionId })),
      ),

    /**
     * Changes the viewer's own password, proved with the old one. All other sessions end.
     * @throws AppError E_OLD_PASSWORD (it is wrong), E_VALIDATION, E_RATE_LIMITED
     */
    async changePassword(
      viewer: Viewer & { address: string },
      sessionId: string,
      change: { old_password: string; new_password: string },
    ): Promise<User> {
      const attempt = beginTry(viewer.username, viewer.address)
      const row = existing(viewer.id)
      const right = await passwords
        .verify(change.old_password, row.password_hash)
        .catch((error: unknown) => {
          attempt.withdrawn()
          throw error
        })
      if (!right) {
        audit.record(viewer, 'user.change_password', subjectOf(row), 'the old password was wrong', {
          outcome: 'refused',
        })
        throw new AppError('E_OLD_PASSWORD', 'The old password is wrong.', [
          { path: '/old_password', message: 'is wrong' },
        ])
      }
      attempt.succeeded()
      checkPassword(change.new_password, row.username, '/new_password')
      if (change.new_password === change.old_password)
        throw new AppError('E_VALIDATION', 'The new password is the same as the old one.', [
          { path: '/new_password', message: 'must not be the old one' },
        ])
      const password_hash = await passwords.hash(change.new_password)
      const others = sessions.listOf(row.id, sessionId).filter((session) => !session.current)
      await store.write(() => {
        // The password was reset or the user signed out while it was hashed: this change comes too
        // late.
        if (repo.byId(row.id)?.password_hash !== row.password_hash)
          throw AppError.of('password_changed', {})
        repo.update(row.id, { password_hash, must_change_password: false })
        repo.endSessionsOf(row.id, sessionId)
        audit.record(viewer, 'user.change_password', subjectOf(row), '')
      })
      for (const { id } of others) deps.sessionsEnded({ sessionId: id })
      deps.changed(row.id)
      return toUser(existing(row.id))
    },
  }
}
