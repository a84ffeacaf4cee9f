/** What administrators do with other users' accounts: create, change, sign out and remove them. */
import type { Random } from '#shared/node/random.ts'
import type { CreateUser, Holdings, UpdateUser, User } from '#shared/contract/rest/users.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { UserId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, type Now, type Viewer } from '../../base/context.ts'
import type { Store } from '../../store/store.ts'
import { checkVersion } from '../../base/check-version.ts'
import { subjectOf, type Accounts } from './accounts.ts'
import { checkPassword, generatedPassword } from './password-rules.ts'
import type { Ownership } from './ownership.types.ts'
import type { Passwords } from './passwords.ts'
import type { Removals } from './removals.ts'
import type { UserRow, UsersRepo } from './users.repo.ts'

/** What has changed: "role technician → admin, disabled". */
function inWords(row: UserRow, change: UpdateUser): string {
  const { username, password, role, disabled, must_change_password: must } = change
  return [
    username !== undefined && username !== row.username && `renamed to ${username}`,
    role !== undefined && role !== row.role && `role ${row.role} → ${role}`,
    disabled !== undefined &&
      disabled !== (row.disabled_at !== null) &&
      (disabled ? 'disabled' : 'enabled'),
    password !== undefined && 'password changed',
    must === true && 'must choose another password',
  ]
    .filter(Boolean)
    .join(', ')
}

export function createAdministration(deps: {
  store: Store
  repo: UsersRepo
  accounts: Accounts
  passwords: Passwords
  audit: Audit
  now: Now
  random: Random
  ownership: Ownership
  removals: Removals
  /** All sessions of this user have ended. */
  sessionsEnded: (what: { userId: UserId }) => void
  /** Who owns what, or may see what, has changed. */
  ownersChanged: () => void
  /** Call it after the commit: the user is new, has changed or was removed. */
  changed: (id: UserId) => void
}) {
  const { store, repo, passwords, audit } = deps
  const { add, existing, refuseTakenName, toUser } = deps.accounts

  /** Call it inside the transaction that removes the administrator's rights. @throws AppError E_ILLEGAL_STATE */
  function refuseLastAdmin(row: UserRow): void {
    if (row.role === 'admin' && row.disabled_at === null && repo.countActiveAdmins() === 1)
      throw AppError.of('last_administrator', {})
  }

  return {
    /** @throws AppError E_CONFLICT (name), E_VALIDATION */
    async create(viewer: Viewer, input: CreateUser): Promise<User> {
      const record = (row: UserRow) =>
        audit.record(viewer, 'user.create', subjectOf(row), `role ${row.role}`)
      const row = await add(input, record, false)
      deps.changed(row.id)
      return toUser(row)
    },

    /**
     * @throws AppError E_NOT_FOUND, E_CONFLICT (name taken, or outdated version), E_VALIDATION,
     * E_ILLEGAL_STATE (last administrator; the viewer's own password)
     */
    async update(viewer: Viewer, id: UserId, change: UpdateUser): Promise<User> {
      const before = existing(id)
      if (change.password !== undefined && id === viewer.id) throw AppError.of('own_password', {})
      if (change.password !== undefined)
        checkPassword(change.password, change.username ?? before.username, '/password')
      const password_hash =
        change.password === undefined ? undefined : await passwords.hash(change.password)
      const signsOut = store.transaction(() => {
        const row = existing(id)
        checkVersion(change.version, row.version, { name: row.username }, () => toUser(row))
        const isDisabled = row.disabled_at !== null
        const role = change.role ?? row.role
        const disabled = change.disabled ?? isDisabled
        if (role !== 'admin' || disabled) refuseLastAdmin(row)
        if (change.username !== undefined) refuseTakenName(change.username, id)
        const set = {
          version: row.version + 1,
          ...(change.username !== undefined && { username: change.username }),
          ...(password_hash !== undefined && { password_hash }),
          ...(change.must_change_password !== undefined && {
            must_change_password: change.must_change_password,
          }),
          role,
          disabled_at: disabled ? (row.disabled_at ?? isoTime(deps.now())) : null,
        }
        repo.update(id, set)
        // A new password, another role, a disabled account or a required password change ends every
        // session.
        const signsOut =
          password_hash !== undefined ||
          role !== row.role ||
          disabled ||
          change.must_change_password === true
        if (signsOut) repo.endSessionsOf(id)
        const recorded = { ...change }
        delete recorded.version
        audit.record(viewer, 'user.update', subjectOf(row), inWords(row, change), {
          data: { ...recorded, ...(change.password !== undefined && { password: 'changed' }) },
        })
        return signsOut
      })
      if (signsOut) deps.sessionsEnded({ userId: id })
      if (before.role !== existing(id).role) deps.ownersChanged()
      deps.changed(id)
      return toUser(existing(id))
    },

    /**
     * Sets a generated password and returns it; only its hash is stored. All sessions of the user
     * end. @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE (the viewer's own)
     */
    async resetPassword(viewer: Viewer, id: UserId): Promise<{ user: User; password: string }> {
      existing(id)
      if (id === viewer.id) throw AppError.of('own_password', {})
      const password = generatedPassword(deps.random)
      const password_hash = await passwords.hash(password)
      store.transaction(() => {
        const row = existing(id)
        repo.update(id, {
          password_hash,
          must_change_password: true,
          version: row.version + 1,
        })
        repo.endSessionsOf(id)
        audit.record(viewer, 'user.reset_password', subjectOf(row), '')
      })
      deps.sessionsEnded({ userId: id })
      deps.changed(id)
      return { user: toUser(existing(id)), password }
    },
    /** Ends all sessions of a user. */
    endSessions(viewer: Viewer, id: UserId): User {
      const row = existing(id)
      store.transaction(() => {
        repo.endSessionsOf(id)
        audit.record(viewer, 'user.end_sessions', subjectOf(row), '')
      })
      deps.sessionsEnded({ userId: id })
      deps.changed(id)
      return toUser(row)
    },

    holdings: (id: UserId): Holdings => deps.ownership.holdings(existing(id).id),

    /**
     * Removes a user. What they own goes to `transferTo`; null: to nobody. Of many PCs and deployments,
     * the last ones follow shortly afterwards. @throws AppError E_NOT_FOUND, E_ILLEGAL_STATE,
     * E_VALIDATION (transferTo)
     */
    remove(viewer: Viewer, id: UserId, transferTo: UserId | null): void {
      const holdings = deps.ownership.holdings(existing(id).id)
      const moved = store.transaction(() => {
        const row = existing(id)
        refuseLastAdmin(row)
        const newOwner = transferTo === null ? null : repo.byId(transferTo)
        if (
          newOwner === undefined ||
          newOwner?.id === id ||
          (newOwner && newOwner.disabled_at !== null)
        )
          throw new AppError(
            'E_VALIDATION',
            'The new owner must be another user who can sign in.',
            [{ path: '/transfer_to', message: 'must be another user who can sign in' }],
          )
        const moved = deps.removals.begin(row, transferTo)
        audit.record(
          viewer,
          'user.delete',
          subjectOf(row),
          newOwner ? `ownership transferred to ${newOwner.username}` : '',
          { data: { ...holdings, transfer_to: newOwner?.username ?? null } },
        )
        return moved
      })
      deps.sessionsEnded({ userId: id })
      deps.changed(id)
      deps.ownersChanged()
      deps.ownership.transferred(moved.devices)
      if (!moved.isDone) deps.removals.continueSoon(id)
    },
  }
}
