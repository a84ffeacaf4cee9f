/** What disk and database failures mean to users. The only place that knows their codes. */
import { AppError } from '#shared/contract/errors.ts'

export type StorageFailure = {
  kind:
    | 'full'
    /** Another program has locked the database: temporary. */
    | 'busy'
    | 'read_only'
    /** The disk reports an error. */
    | 'broken'
  /** The code of the system or SQLite. */
  code: string
}

const KINDS: [RegExp, StorageFailure['kind']][] = [
  [/^(ENOSPC|EDQUOT|SQLITE_FULL.*|SQLITE_IOERR_SHMSIZE|E_DISK_FULL)$/, 'full'],
  [/^(SQLITE_BUSY.*|SQLITE_LOCKED.*|SQLITE_PROTOCOL|E_BUSY)$/, 'busy'],
  [/^(EROFS|EACCES|EPERM|SQLITE_READONLY.*|SQLITE_PERM|SQLITE_CANTOPEN.*)$/, 'read_only'],
  [/^(EIO|SQLITE_IOERR.*|E_STORAGE)$/, 'broken'],
]
/** How many nested causes to follow. */
const CAUSES = 5
const BUSY_RETRY_SECONDS = 2

/** The codes of the error and its causes. */
function codesOf(error: unknown): string[] {
  const codes: string[] = []
  let at = error
  for (let depth = 0; depth < CAUSES && at instanceof Error; depth++) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') codes.push(code)
    at = at.cause
  }
  return codes
}

/** Whether the error, or one of its causes, is a failure of the disk or the database file. Pure. */
export function storageFailure(error: unknown): StorageFailure | null {
  for (const code of codesOf(error))
    for (const [pattern, kind] of KINDS) if (pattern.test(code)) return { kind, code }
  return null
}

/** Every rule of the schema is also checked before a write, so only a simultaneous write breaks one. */
const breaksUniqueness = (error: unknown): boolean =>
  codesOf(error).includes('SQLITE_CONSTRAINT_UNIQUE')

/** A folder that cannot be written because the disk is full is not a matter of permissions. */
const hidesFullDisk = (error: AppError): boolean =>
  error.code === 'E_DATA_UNWRITABLE' && storageFailure(error)?.kind === 'full'

/**
 * Turns a storage failure, or a violated unique index, into an AppError; returns any other error
 * unchanged.
 * @param where the data folder, to be named if a user at this computer reads it
 */
export function asStorageError(error: unknown, where?: string): unknown {
  if (!(error instanceof AppError) && breaksUniqueness(error))
    return AppError.of('changed_together', {}, [], { cause: error })
  const failure = storageFailure(error)
  if (!failure || (error instanceof AppError && !hidesFullDisk(error))) return error
  const { kind, code } = failure
  const disk = where === undefined ? 'The disk of the controller' : `The disk that holds ${where}`
  const options = { cause: error }
  switch (kind) {
    case 'full':
      return new AppError(
        'E_DISK_FULL',
        `${disk} is full (${code}). Free some space on it, then try again.`,
        [],
        options,
      )
    case 'busy':
      return new AppError(
        'E_BUSY',
        `Another program has locked the controller’s database (${code}), perhaps a backup or a virus scanner. Nothing was changed; try again in a moment.`,
        [],
        { ...options, retryAfterSeconds: BUSY_RETRY_SECONDS },
      )
    case 'read_only':
      return new AppError(
        'E_STORAGE',
        `${disk} does not let DeployX write (${code}). Check its permissions and whether it is read-only.`,
        [],
        options,
      )
    case 'broken':
      return new AppError(
        'E_STORAGE',
        `${disk} reports an error (${code}). Check the disk, and save a recovery file.`,
        [],
        options,
      )
  }
}
