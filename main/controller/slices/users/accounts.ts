/** Accounts: who exists, how the console shows them, and how one is added. */
import type { CreateUser, User } from '#shared/contract/rest/users.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { UserId } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../../base/context.ts'
import type { Store } from '../../store/store.ts'
import { checkPassword } from './password-rules.ts'
import type { Passwords } from './passwords.ts'
import type { Sessions } from './sessions.ts'
import type { UserRow, UsersRepo } from './users.repo.ts'

/** The user's name in the audit log. */
export const subjectOf = (row: Pick<UserRow, 'username'>): string => `user ${row.username}`

export type Accounts = ReturnType<typeof createAccounts>
export function createAccounts(deps: {
  store: Store
  repo: UsersRepo
  sessions: Sessions
  passwords: Passwords
  now: Now
}) {
  const { store, repo, sessions, passwords } = deps

  const toUser = (row: UserRow, sessionCount = sessions.counts().get(row.id) ?? 0): User => ({
    id: row.id,
    username: row.username,
    role: row.role,
    created_at: row.created_at,
    disabled: row.disabled_at !== null,
    must_change_password: row.must_change_password,
    last_login_at: row.last_login_at,
    session_count: sessionCount,
    version: row.version,
  })

  /** @throws AppError E_NOT_FOUND */
  function existing(id: UserId): UserRow {
    const row = repo.byId(id)
    if (!row) throw new AppError('E_NOT_FOUND', 'This user does not exist.')
    return row
  }
  /**
   * Call it inside a transaction. @throws AppError E_CONFLICT, E_BUSY (an account with this name is
   * still being removed)
   */
  function refuseTakenName(username: string, except?: UserId): void {
    const other = repo.withName(username).find((row) => row.id !== except)
    if (other)
      throw AppError.of('username_taken', { name: other.username }, [
        { path: '/username', message: 'is taken' },
      ])
    if (repo.isNameOfRemoved(username))
      throw new AppError(
        'E_BUSY',
        'The account that had this name is still being removed. Try again in a moment.',
      )
  }

  /**
   * @param record writes the audit entry in the same transaction
   * @throws AppError E_VALIDATION, E_CONFLICT (name), E_SETUP_DONE (this was to be the first
   * account, and there is one already)
   */
  async function add(
    { username, password, role, must_change_password }: CreateUser,
    record: (row: UserRow) => void,
    onlyFirst: boolean,
  ): Promise<UserRow> {
    checkPassword(password, username, '/password')
    const password_hash = await passwords.hash(password)
    // Checked inside the transaction, because two first accounts could be created at the same
    // moment.
    return await store.write(() => {
      if (onlyFirst && repo.count() > 0)
        throw new AppError('E_SETUP_DONE', 'The first account already exists. Sign in instead.')
      refuseTakenName(username)
      const row = repo.insert({
        username,
        password_hash,
        role,
        must_change_password: must_change_password ?? false,
        created_at: isoTime(deps.now()),
      })
      record(row)
      return row
    })
  }

  return {
    toUser,
    existing,
    refuseTakenName,
    add,
    list(): User[] {
      const counts = sessions.counts()
      return repo.list().map((row) => toUser(row, counts.get(row.id) ?? 0))
    },
  }
}
