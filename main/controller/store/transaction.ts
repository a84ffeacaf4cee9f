/** Transactions, and what they do about a full disk. */
import type Database from 'better-sqlite3'
import { asStorageError, storageFailure } from './failures.ts'
import type { FreeSpace } from './free-space.ts'

/** SQLite reports an exhausted quota (EDQUOT) as one of these, like a broken disk. */
const MAY_BE_QUOTA = new Set(['SQLITE_IOERR_WRITE', 'SQLITE_IOERR_FSYNC'])

/** The error, or what a probe of the disk shows to be its reason. */
function withReason(error: unknown, freeSpace: Pick<FreeSpace, 'probe'>): unknown {
  if (!MAY_BE_QUOTA.has(storageFailure(error)?.code ?? '')) return error
  const code = freeSpace.probe()
  return code === null ? error : Object.assign(new Error(code, { cause: error }), { code })
}

/** Runs one transaction, rolled back if `work` throws. @throws AppError, and what `work` throws */
export function createTransaction(
  sqlite: Database.Database,
  freeSpace: Pick<FreeSpace, 'ensure' | 'releaseSlice' | 'probe'>,
): <T>(work: () => T) => T {
  return (work) => {
    freeSpace.ensure()
    try {
      return sqlite.transaction(work).immediate()
    } catch (cause) {
      const error = withReason(cause, freeSpace)
      // A quota is not part of the free space. Releasing a slice gives the next attempt room.
      if (storageFailure(error)?.kind === 'full') freeSpace.releaseSlice()
      throw asStorageError(error)
    }
  }
}
