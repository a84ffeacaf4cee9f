/** Users and their sessions. */
import { createHash, randomBytes } from 'node:crypto'
import type { Role, User } from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { UserId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, type Now, type Viewer } from '../context.ts'
import type { Store } from '../store/store.ts'
import { createPasswords } from './passwords.ts'
import { createUsersRepo, type UserRow } from './users.repo.ts'

const REFRESH_LIFE_MS = 7 * 24 * 3_600_000
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export type SignIn = { user: User; sessionId: string; refreshToken: string }
export type Users = ReturnType<typeof createUsers>

const toUser = (row: UserRow): User => ({
  id: row.id,
  username: row.username,
  role: row.role,
  created_at: row.created_at,
})

export function createUsers(deps: {
  store: Store
  now: Now
  audit: Audit
  workersDir: string | null
}) {
  const passwords = createPasswords(deps)
  const repo = createUsersRepo(deps.store)
  const nowIso = () => isoTime(deps.now())
  repo.dropExpiredSessions(nowIso())
  // What a sign-in with an unknown name is compared with, so that it takes as long as one with a wrong password.
  const nobody = passwords.unmatchable()

  function openSession(row: UserRow): SignIn {
    const sessionId = randomBytes(16).toString('hex')
    const refreshToken = randomBytes(32).toString('base64url')
    repo.addSession({
      id: sessionId,
      user_id: row.id,
      refresh_hash: sha256(refreshToken),
      created_at: nowIso(),
      expires_at: isoTime(deps.now() + REFRESH_LIFE_MS),
    })
    return { user: toUser(row), sessionId, refreshToken }
  }

  function existing(id: UserId): UserRow {
    const row = repo.byId(id)
    if (!row) throw new AppError('E_NOT_FOUND', 'This user does not exist.')
    return row
  }

  async function add(
    username: string,
    password: string,
    role: Role,
    onlyFirst: boolean,
  ): Promise<UserRow> {
    const password_hash = await passwords.hash(password)
    // Checked inside the transaction: two first accounts at the same moment are one too many.
    return deps.store.transaction(() => {
      if (onlyFirst && repo.count() > 0)
        throw new AppError('E_SETUP_DONE', 'The first account exists already. Sign in instead.')
      if (repo.byName(username))
        throw new AppError('E_CONFLICT', `There is already a user named ${username}.`, [
          { path: '/username', message: 'is taken' },
        ])
      return repo.insert({ username, password_hash, role, created_at: nowIso() })
    })
  }

  return {
    setupNeeded: (): boolean => repo.count() === 0,

    /** Makes the first account, an administrator. @throws AppError E_SETUP_DONE for ever after */
    async setup(username: string, password: string): Promise<SignIn> {
      if (repo.count() > 0)
        throw new AppError('E_SETUP_DONE', 'The first account exists already. Sign in instead.')
      const row = await add(username, password, 'admin', true)
      deps.audit.record({ id: row.id, username }, 'user.setup', `user ${username}`, 'first account')
      return openSession(row)
    },

    /** @throws AppError E_CREDENTIALS, the same for an unknown name and a wrong password */
    async login(username: string, password: string): Promise<SignIn> {
      const row = repo.byName(username)
      const right = await passwords.verify(password, row?.password_hash ?? nobody)
      if (!row || !right) {
        deps.audit.record(null, 'user.login_failed', `user ${username.slice(0, 64)}`, '')
        throw new AppError('E_CREDENTIALS', 'The user name or the password is wrong.')
      }
      deps.audit.record(
        { id: row.id, username: row.username },
        'user.login',
        `user ${row.username}`,
        '',
      )
      return openSession(row)
    },

    /** Gives a new refresh token for the old one, which is worth nothing from then on. */
    refresh(refreshToken: string): SignIn {
      const session = repo.sessionByRefresh(sha256(refreshToken), nowIso())
      const row = session && repo.byId(session.user_id)
      if (!session || !row)
        throw new AppError('E_UNAUTHENTICATED', 'This session has ended. Sign in again.')
      const next = randomBytes(32).toString('base64url')
      repo.rotateSession(session.id, sha256(next), isoTime(deps.now() + REFRESH_LIFE_MS))
      return { user: toUser(row), sessionId: session.id, refreshToken: next }
    },

    /** Who is behind a session, or null when it has ended. */
    viewerOf: (sessionId: string): Viewer | null => repo.sessionUser(sessionId, nowIso()) ?? null,
    logout: (sessionId: string): void => repo.endSession(sessionId),
    logoutAll: (userId: UserId): void => repo.endSessionsOf(userId),
    get: (id: UserId): User => toUser(existing(id)),
    list: (): User[] => repo.list().map(toUser),

    async create(
      viewer: Viewer,
      input: { username: string; password: string; role: Role },
    ): Promise<User> {
      const row = await add(input.username, input.password, input.role, false)
      deps.audit.record(viewer, 'user.create', `user ${row.username}`, `role ${row.role}`)
      return toUser(row)
    },

    async update(
      viewer: Viewer,
      id: UserId,
      change: { password?: string; role?: Role },
    ): Promise<User> {
      const row = existing(id)
      const password_hash =
        change.password === undefined ? undefined : await passwords.hash(change.password)
      deps.store.transaction(() => {
        if (change.role === 'technician' && row.role === 'admin' && repo.countAdmins() === 1)
          throw new AppError(
            'E_ILLEGAL_STATE',
            'This is the last administrator. Make another one first.',
          )
        if (password_hash || change.role)
          repo.update(id, {
            ...(password_hash && { password_hash }),
            ...(change.role && { role: change.role }),
          })
        // Whoever knew the old password, or had more rights, is signed out.
        repo.endSessionsOf(id)
        deps.audit.record(
          viewer,
          'user.update',
          `user ${row.username}`,
          Object.keys(change).join(', '),
        )
      })
      return toUser(existing(id))
    },

    remove(viewer: Viewer, id: UserId): void {
      const row = existing(id)
      deps.store.transaction(() => {
        if (row.role === 'admin' && repo.countAdmins() === 1)
          throw new AppError(
            'E_ILLEGAL_STATE',
            'This is the last administrator and cannot be removed.',
          )
        repo.remove(id)
        deps.audit.record(viewer, 'user.delete', `user ${row.username}`, '')
      })
    },
    /** Ends the thread that looks at passwords. */
    stop: passwords.stop,
  }
}
