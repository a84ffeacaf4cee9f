/** One controller per data folder. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { AppError } from '#shared/contract/errors.ts'
import { asStorageError, storageFailure } from './failures.ts'

const LOCK_FILE = 'controller.lock'
/** Names the process that holds the lock, for the message of a second start. It decides nothing. */
const HOLDER_FILE = 'controller.lock.pid'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The process that took the lock last, if it is alive. */
function holderOf(dataDir: string): number | null {
  try {
    const pid = Number(readFileSync(join(dataDir, HOLDER_FILE), 'utf8'))
    return Number.isInteger(pid) && pid > 0 && isAlive(pid) ? pid : null
  } catch {
    return null
  }
}

function lockFailure(dataDir: string, error: unknown): unknown {
  const file = join(dataDir, LOCK_FILE)
  const { code } = error as { code?: string }
  const options = { cause: error }
  if (code === 'SQLITE_NOTADB' || code?.startsWith('SQLITE_CORRUPT'))
    return new AppError(
      'E_DATA_LOCKED',
      `The lock file ${file} contains something that DeployX did not write (${code}). It contains nothing of value: delete it, then start DeployX again.`,
      [],
      options,
    )
  switch (storageFailure(error)?.kind) {
    case 'busy': {
      const holder = holderOf(dataDir)
      return new AppError(
        'E_DATA_LOCKED',
        holder === null
          ? `Another program, perhaps an older DeployX controller, has locked ${file}. Close it first, or choose another folder with --data.`
          : `Another DeployX controller is using the data folder ${dataDir} (process ${holder}). Close it first, or choose another folder with --data.`,
        [],
        options,
      )
    }
    case 'read_only':
      return new AppError(
        'E_DATA_UNWRITABLE',
        `The lock file ${file} cannot be opened for writing (${storageFailure(error)?.code}); it may belong to another user. Start DeployX as that user, or choose another folder with --data.`,
        [],
        options,
      )
    default:
      return asStorageError(error, dataDir)
  }
}

/**
 * Holds an exclusive SQLite lock on a separate file until `release`. The operating system frees it
 * when the process dies, so there is never a stale lock to clean up.
 * @throws AppError E_DATA_LOCKED, E_DATA_UNWRITABLE, E_DISK_FULL, E_STORAGE
 */
export function lockDataFolder(dataDir: string): { release: () => void } {
  const file = join(dataDir, LOCK_FILE)
  const holder = join(dataDir, HOLDER_FILE)
  let lock: Database.Database | null = null
  try {
    // SQLite would open a read-only file for reading, and then lock nothing.
    if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK)
    else closeSync(openSync(file, 'a', 0o600))
    lock = new Database(file, { timeout: 0 })
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock?.close()
    throw lockFailure(dataDir, error)
  }
  const held = lock
  try {
    writeFileSync(holder, String(process.pid), { mode: 0o600 })
  } catch {
    // A second start then names no process.
  }
  return {
    release() {
      rmSync(holder, { force: true })
      held.close()
    },
  }
}
