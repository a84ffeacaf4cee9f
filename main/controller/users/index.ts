/** Users: who they are, what they may, and how they prove it. Their sessions: sessions.ts. */
import { randomInt } from 'node:crypto'
import type { Holdings, OwnSession, User } from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { CreateUser, UpdateUser } from '#shared/contract/requests.ts'
import type { SessionId, UserId } from '#shared/domain/ids.ts'
import { passwordProblem } from '#shared/domain/passwords.ts'
import { unknownActor, type Audit } from '../audit/index.ts'
import { isoTime, type Now, type Viewer } from '../context.ts'
import type { Store } from '../store/store.ts'
import type { Passwords } from './passwords.ts'
import { createSessions, type OpenedSession, type Origin } from './sessions.ts'
import { createThrottle } from './throttle.ts'
import { createUsersRepo, type UserRow } from './users.repo.ts'

export { createPasswords, type Passwords } from './passwords.ts'
export type { Origin } from './sessions.ts'
export type SignIn = { user: User; sessionId: string; refreshToken: string }
export type Users = ReturnType<typeof createUsers>

/** What other slices keep of a user's. */
export type Estate = {
  holdings: (id: UserId) => Holdings
  /** Inside the transaction that removes him. `to` null: to nobody, so that administrators alone see it. */
  handOver: (from: UserId, to: UserId | null) => void
  /** After it. */
  handedOver: (to: UserId | null) => void
}

/** Without those that are mistaken for one another when they are read out or copied by hand. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'
/** Four groups of four: 79 bits, easy to dictate. */
const generatedPassword = (): string =>
  Array.from({ length: 4 }, () =>
    Array.from({ length: 4 }, () => LETTERS[randomInt(LETTERS.length)]).join(''),
  ).join('-')

const subjectOf = (row: Pick<UserRow, 'username'>): string => `user ${row.username}`

/** @throws AppError E_VALIDATION */
function checkPassword(password: string, username: string, path: string): void {
  const problem = passwordProblem(password, username)
  if (problem)
    throw new AppError('E_VALIDATION', `The password ${problem}.`, [{ path, message: problem }])
}

export function createUsers(deps: {
  store: Store
  now: Now
  audit: Audit
  passwords: Passwords
  estate: Estate
  /** The open feeds of this user, or of one session of his, end. */
  drop: (what: { userId: UserId } | { sessionId: string }) => void
}) {
  const { passwords, store, audit } = deps
  const repo = createUsersRepo(store)
  const sessions = createSessions({ ...deps, repo })
  const throttle = createThrottle(deps)
  const nowIso = () => isoTime(deps.now())
  // What a sign-in with an unknown name is compared with, so that it takes as long as one with a wrong password.
  const nobody = passwords.unmatchable()

  const toUser = (row: UserRow, sessionCount = sessions.counts().get(row.id) ?? 0): User => ({
    id: row.id,
    username: row.username,
    role: row.role,
    created_at: row.created_at,
    disabled: row.disabled_at !== null,
    must_change_password: row.must_change_password,
    last_login_at: row.last_login_at,
    session_count: sessionCount,
  })
  const signIn = ({ row, ...session }: OpenedSession): SignIn => ({ ...session, user: toUser(row) })

  function existing(id: UserId): UserRow {
    const row = repo.byId(id)
    if (!row) throw new AppError('E_NOT_FOUND', 'This user does not exist.')
    return row
  }
  function nameIsFree(username: string, except?: UserId): void {
    const other = repo.byName(username)
    if (other && other.id !== except)
      throw new AppError('E_CONFLICT', `There is already a user named ${other.username}.`, [
        { path: '/username', message: 'is taken' },
      ])
  }
  /** Inside the transaction that takes his place from him. */
  function notTheLastAdmin(row: UserRow): void {
    if (row.role === 'admin' && row.disabled_at === null && repo.countActiveAdmins() === 1)
      throw new AppError(
        'E_ILLEGAL_STATE',
        'This is the last administrator who can sign in. Make another one first.',
      )
  }
  /** A wrong guess costs time, here as at the sign-in. @throws AppError E_RATE_LIMITED with the seconds to wait */
  function beginTry(username: string, address: string) {
    const attempt = throttle.begin(username, address)
    if (!('waitMs' in attempt)) return attempt
    const seconds = Math.ceil(attempt.waitMs / 1_000)
    const message = `Too many attempts. Try again in ${seconds} s.`
    throw new AppError('E_RATE_LIMITED', message, [], { retryAfterSeconds: seconds })
  }

  async function add(
    { username, password, role, must_change_password }: CreateUser,
    record: (row: UserRow) => void,
    onlyFirst: boolean,
  ): Promise<UserRow> {
    checkPassword(password, username, '/password')
    const password_hash = await passwords.hash(password)
    // Checked inside the transaction: two first accounts at the same moment are one too many.
    return store.transaction(() => {
      if (onlyFirst && repo.count() > 0)
        throw new AppError('E_SETUP_DONE', 'The first account exists already. Sign in instead.')
      nameIsFree(username)
      const row = repo.insert({
        username,
        password_hash,
        role,
        must_change_password: must_change_password ?? false,
        created_at: nowIso(),
      })
      record(row)
      return row
    })
  }

  return {
    setupNeeded: (): boolean => repo.count() === 0,

    /** Makes the first account, an administrator. @throws AppError E_SETUP_DONE for ever after, E_VALIDATION */
    async setup(username: string, password: string, origin: Origin): Promise<SignIn> {
      if (repo.count() > 0)
        throw new AppError('E_SETUP_DONE', 'The first account exists already. Sign in instead.')
      const record = (row: UserRow) =>
        audit.record(
          { id: row.id, username, address: origin.address },
          'user.setup',
          subjectOf(row),
          'first account',
        )
      const row = await add({ username, password, role: 'admin' }, record, true)
      return signIn(store.transaction(() => sessions.open(row, origin)))
    },

    /**
     * @throws AppError E_CREDENTIALS, the same for an unknown name and a wrong password; E_ACCOUNT_DISABLED, to who knows the
     * password only; E_RATE_LIMITED with the seconds to wait
     */
    async login(username: string, password: string, origin: Origin): Promise<SignIn> {
      const attempt = beginTry(username, origin.address)
      const row = repo.byName(username)
      const right = await passwords
        .verify(password, row?.password_hash ?? nobody)
        .catch((error: unknown) => {
          attempt.withdrawn()
          throw error
        })
      // Looked at again: it may have changed while the password was worked on.
      const now = row && repo.byId(row.id)
      const known = now?.password_hash === row?.password_hash ? now : undefined
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
      return store.transaction(() => {
        repo.update(known.id, { last_login_at: nowIso() })
        audit.record({ ...known, address: origin.address }, 'user.login', subjectOf(known), '')
        return signIn(sessions.open(existing(known.id), origin))
      })
    },

    /** Gives a new refresh token for the old one. @throws AppError E_UNAUTHENTICATED */
    refresh: (refreshToken: string, origin: Origin): SignIn =>
      signIn(sessions.renew(refreshToken, origin, (sessionId) => deps.drop({ sessionId }))),

    /** Who is behind a session, as he stands now; null when it has ended or he may not sign in. */
    viewerOf: (sessionId: string, address: string): Viewer | null =>
      sessions.viewerOf(sessionId, address),
    logout(viewer: Viewer, sessionId: string): void {
      sessions.logout(viewer, sessionId)
      deps.drop({ sessionId })
    },
    logoutAll(viewer: Viewer): void {
      sessions.logoutAll(viewer)
      deps.drop({ userId: viewer.id })
    },
    sessionsOf: (viewer: Viewer, currentId: string | null): OwnSession[] =>
      sessions.listOf(viewer.id, currentId),
    endSession(viewer: Viewer, sessionId: SessionId): void {
      sessions.end(viewer, sessionId)
      deps.drop({ sessionId })
    },

    /**
     * One's own password, proved with the old one. All other sessions end.
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
        throw new AppError('E_VALIDATION', 'The new password is the old one.', [
          { path: '/new_password', message: 'must not be the old one' },
        ])
      const password_hash = await passwords.hash(change.new_password)
      const others = sessions.listOf(row.id, sessionId).filter((session) => !session.current)
      store.transaction(() => {
        // Reset by somebody, or signed out, while it was worked on: then this comes too late.
        if (repo.byId(row.id)?.password_hash !== row.password_hash)
          throw new AppError('E_CONFLICT', 'The password was changed just now. Sign in again.')
        repo.update(row.id, { password_hash, must_change_password: false })
        repo.endSessionsOf(row.id, sessionId)
        audit.record(viewer, 'user.change_password', subjectOf(row), '')
      })
      for (const { id } of others) deps.drop({ sessionId: id })
      return toUser(existing(row.id))
    },

    get: (id: UserId): User => toUser(existing(id)),
    list(): User[] {
      const counts = sessions.counts()
      return repo.list().map((row) => toUser(row, counts.get(row.id) ?? 0))
    },

    /** @throws AppError E_CONFLICT (name), E_VALIDATION */
    async create(viewer: Viewer, input: CreateUser): Promise<User> {
      const record = (row: UserRow) =>
        audit.record(viewer, 'user.create', subjectOf(row), `role ${row.role}`)
      return toUser(await add(input, record, false))
    },

    /** @throws AppError E_NOT_FOUND, E_CONFLICT (name), E_VALIDATION, E_ILLEGAL_STATE (last administrator; one's own password) */
    async update(viewer: Viewer, id: UserId, change: UpdateUser): Promise<User> {
      const before = existing(id)
      if (change.password !== undefined && id === viewer.id)
        throw new AppError(
          'E_ILLEGAL_STATE',
          'Change your own password in your account: that asks for the old one.',
        )
      if (change.password !== undefined)
        checkPassword(change.password, change.username ?? before.username, '/password')
      const password_hash =
        change.password === undefined ? undefined : await passwords.hash(change.password)
      const signsOut = store.transaction(() => {
        const row = existing(id)
        const isDisabled = row.disabled_at !== null
        const role = change.role ?? row.role
        const disabled = change.disabled ?? isDisabled
        if (role !== 'admin' || disabled) notTheLastAdmin(row)
        if (change.username !== undefined) nameIsFree(change.username, id)
        const set = {
          ...(change.username !== undefined && { username: change.username }),
          ...(password_hash !== undefined && { password_hash }),
          ...(change.must_change_password !== undefined && {
            must_change_password: change.must_change_password,
          }),
          role,
          disabled_at: disabled ? (row.disabled_at ?? nowIso()) : null,
        }
        repo.update(id, set)
        // Whoever knew the old password, or had other rights, is signed out.
        const signsOut =
          password_hash !== undefined ||
          role !== row.role ||
          disabled ||
          change.must_change_password === true
        if (signsOut) repo.endSessionsOf(id)
        audit.record(viewer, 'user.update', subjectOf(row), inWords(row, change), {
          data: { ...change, ...(change.password !== undefined && { password: 'changed' }) },
        })
        return signsOut
      })
      if (signsOut) deps.drop({ userId: id })
      return toUser(existing(id))
    },

    /** A password that nobody chose, told once. All sessions of his end. @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE (one's own) */
    async resetPassword(viewer: Viewer, id: UserId): Promise<{ user: User; password: string }> {
      existing(id)
      if (id === viewer.id)
        throw new AppError(
          'E_ILLEGAL_STATE',
          'Change your own password in your account: that asks for the old one.',
        )
      const password = generatedPassword()
      const password_hash = await passwords.hash(password)
      store.transaction(() => {
        const row = existing(id)
        repo.update(id, { password_hash, must_change_password: true })
        repo.endSessionsOf(id)
        audit.record(viewer, 'user.reset_password', subjectOf(row), '')
      })
      deps.drop({ userId: id })
      return { user: toUser(existing(id)), password }
    },
    /** Signs another out everywhere. */
    endSessions(viewer: Viewer, id: UserId): User {
      const row = existing(id)
      store.transaction(() => {
        repo.endSessionsOf(id)
        audit.record(viewer, 'user.end_sessions', subjectOf(row), '')
      })
      deps.drop({ userId: id })
      return toUser(row)
    },

    holdings: (id: UserId): Holdings => deps.estate.holdings(existing(id).id),

    /** What he had goes to `transferTo`, or to nobody. @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE, E_VALIDATION (transferTo) */
    remove(viewer: Viewer, id: UserId, transferTo: UserId | null): void {
      const holdings = deps.estate.holdings(existing(id).id)
      store.transaction(() => {
        const row = existing(id)
        notTheLastAdmin(row)
        const heir = transferTo === null ? null : repo.byId(transferTo)
        if (heir === undefined || heir?.id === id || (heir && heir.disabled_at !== null))
          throw new AppError('E_VALIDATION', 'Another user who can sign in must take it over.', [
            { path: '/transfer_to', message: 'must be another user who can sign in' },
          ])
        deps.estate.handOver(id, transferTo)
        repo.remove(id)
        audit.record(
          viewer,
          'user.delete',
          subjectOf(row),
          heir ? `what was theirs goes to ${heir.username}` : '',
          { data: { ...holdings, transfer_to: heir?.username ?? null } },
        )
      })
      deps.drop({ userId: id })
      deps.estate.handedOver(transferTo)
    },
    /** Ends the thread that looks at passwords. */
    stop: passwords.stop,
  }
}

/** What is different now: "role technician → admin, disabled". */
function inWords(row: UserRow, change: UpdateUser): string {
  const { username, password, role, disabled, must_change_password: must } = change
  return [
    username !== undefined && username !== row.username && `now ${username}`,
    role !== undefined && role !== row.role && `role ${row.role} → ${role}`,
    disabled !== undefined &&
      disabled !== (row.disabled_at !== null) &&
      (disabled ? 'disabled' : 'enabled'),
    password !== undefined && 'password',
    must === true && 'must choose another password',
  ]
    .filter(Boolean)
    .join(', ')
}
