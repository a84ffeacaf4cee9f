/**
 * The store: one SQLite file in the data folder, one controller per folder. Opening it takes the
 * folder's lock, checks the file, backs it up if a migration is due, and migrates.
 */
import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { AppError } from '#shared/contract/errors.ts'
import { countMigrations } from './count-migrations.ts'
import { copyDurably, renameDurably } from '../../lib/durable-file.ts'
import { makeDataFolder } from './data-folder.ts'
import { createFacts, markRun, readMark, type Facts, type Mark } from './facts.ts'
import { asStorageError } from './failures.ts'
import { DATABASE_FILE } from './inspect.ts'
import { lockDataFolder } from './lock.ts'
import { readFolderMark, writeFolderMark, type FolderMark } from './mark-file.ts'
import { migrateTables } from './migrate.ts'
import {
  checkFreeSpace,
  checkFreeSpaceForFirstStart,
  createFreeSpace,
  type FreeSpace,
} from './free-space.ts'
import { addFolding } from './folded.ts'
import * as schema from './schema/index.ts'
import { createTransaction } from './transaction.ts'
import { createWaiting, type Waiting } from './waiting.ts'

export type Db = BetterSQLite3Database<typeof schema>
export type Store = Waiting & {
  db: Db
  /** The driver itself, for prepared statements on hot paths. */
  sqlite: Database.Database
  /** Path of the database. */
  file: string
  /** What the database stores about itself. */
  facts: Facts
  /**
   * One transaction, rolled back if `work` throws. `work` is synchronous.
   * @throws AppError E_BUSY (immediately: another program has locked the database),
   * E_DISK_FULL, E_STORAGE, and what `work` throws
   */
  transaction: <T>(work: () => T) => T
  /** Free disk space, and the reserve. */
  freeSpace: FreeSpace
  /**
   * How long a statement may block the event loop while another program holds the lock: seconds at
   * start and stop, not at all while the hub serves.
   */
  setLockTimeout: (when: 'serving' | 'stopping') => void
  close: () => void
}

const stamp = (clock: Clock): string =>
  new Date(clock.wallMs()).toISOString().replaceAll(/[:.]/g, '-')

/** At start and stop no requests are served, so a statement may block. */
const LOCK_WAIT_MS = 5_000
const LOCK_WAIT_STOPPING_MS = 1_000
/** A database up to this size is checked at every start: that takes a tenth of a second. */
const CHECKED_BYTES = 64 * 1024 * 1024
/** Space for what an existing controller writes before it serves. */
const START_BYTES = 2 * 1024 * 1024
/** Space that a migration needs in addition to the backup. */
const MIGRATION_MARGIN_BYTES = 16 * 1024 * 1024

/** A copy of the whole database beside it, renamed to its final name once it is complete. */
function backUp(sqlite: Database.Database, file: string, clock: Clock): void {
  sqlite.pragma('wal_checkpoint(TRUNCATE)')
  copyDurably(file, `${file}.backup-${stamp(clock)}`)
}

/**
 * Brings the tables up to this version; keeps a backup of the previous state. @throws AppError
 * E_DATABASE
 */
function bringUpToDate(
  sqlite: Database.Database,
  file: string,
  { migrationsDir, clock }: OpenOptions,
): Db {
  const state = countMigrations(sqlite, migrationsDir)
  if (state && state.seen > state.known)
    throw new AppError(
      'E_DATABASE',
      `The database ${file} was made by a newer version of DeployX. Install that version again, or choose another folder with --data.`,
    )
  if (state && state.seen < state.known) {
    const needed = statSync(file).size + MIGRATION_MARGIN_BYTES
    checkFreeSpace(dirname(file), needed, 'the backup before this version changes the database')
    backUp(sqlite, file, clock)
  }
  migrateTables(sqlite, migrationsDir)
  return drizzle(sqlite, { schema })
}

/** Whether the folder's mark states that exactly this database was closed cleanly. */
function wasClosedCleanly(sqlite: Database.Database, mark: FolderMark | null): boolean {
  if (mark === null || mark.open) return false
  const own = readMark(sqlite)
  return own !== null && own.database_id === mark.database_id && own.run === mark.run
}

function openDatabase(file: string, mark: FolderMark | null): Database.Database {
  const sqlite = new Database(file, { timeout: LOCK_WAIT_MS })
  try {
    sqlite.pragma('journal_mode = WAL')
    // A result is acknowledged only after a commit that survives a power cut.
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    sqlite.pragma('cache_size = -32768')
    addFolding(sqlite)
    // Reading every page of a long history takes seconds, and a clean stop left nothing half written.
    if (statSync(file).size < CHECKED_BYTES || !wasClosedCleanly(sqlite, mark)) {
      const check = sqlite.pragma('quick_check(1)', { simple: true })
      if (check !== 'ok') throw new Error(String(check))
    }
    return sqlite
  } catch (error) {
    sqlite.close()
    throw error
  }
}

/**
 * A damaged file is never overwritten: it is moved aside under a unique name, which the message
 * contains.
 */
function setAside(file: string, cause: unknown, clock: Clock): AppError {
  const aside = `${file}.damaged-${stamp(clock)}`
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(file + suffix)) renameDurably(file + suffix, aside + suffix)
  return new AppError(
    'E_DATABASE_CORRUPT',
    `The database ${file} is damaged and was moved aside as ${aside}. Copy a backup (deployx.db.backup-…) to ${file} and start with --accept-older-database, or start with --start-over (it moves the old files aside and deletes none) and restore a recovery file on the first screen.`,
    [],
    { cause },
  )
}

/** @throws AppError E_DATABASE_CORRUPT, after moving the damaged file aside */
function openOrSetAside(file: string, clock: Clock, mark: FolderMark | null): Database.Database {
  try {
    return openDatabase(file, mark)
  } catch (cause) {
    const code = (cause as { code?: string }).code
    const isDamaged =
      code === undefined || code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')
    throw isDamaged ? setAside(file, cause, clock) : cause
  }
}

/** A full disk must not prevent the start: this opening is then not counted. */
function markRunIfSpace(sqlite: Database.Database, options: OpenOptions): Mark | null {
  try {
    return markRun(sqlite, options)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'SQLITE_FULL' || code?.startsWith('SQLITE_IOERR')) return null
    throw error
  }
}

/**
 * SQLite gives -wal and -shm the mode of the database, so create that first, private to this user.
 */
function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

/**
 * Opens or creates the store in `dataDir`.
 * @throws AppError E_DATA_UNWRITABLE, E_DATA_LOCKED, E_DATABASE_CORRUPT, E_DATABASE, E_DISK_FULL,
 * E_BUSY, E_STORAGE
 */
export function openStore(options: OpenOptions): Store {
  try {
    return open(options)
  } catch (error) {
    throw asStorageError(error, options.dataDir)
  }
}

type OpenOptions = {
  dataDir: string
  migrationsDir: string
  clock: Clock
  random: Random
  /** Called once nothing else can be using the folder. */
  beforeOpening?: () => void
}

function open(options: OpenOptions): Store {
  const { dataDir, clock } = options
  const freeSpace = createFreeSpace(dataDir)
  if (!existsSync(join(dataDir, DATABASE_FILE))) checkFreeSpaceForFirstStart(dataDir)
  freeSpace.ensure(START_BYTES)
  makeDataFolder(dataDir)
  const lock = lockDataFolder(dataDir)
  const file = join(dataDir, DATABASE_FILE)
  try {
    options.beforeOpening?.()
    makePrivate(file)
    const sqlite = openOrSetAside(file, clock, readFolderMark(dataDir))
    try {
      const db = bringUpToDate(sqlite, file, options)
      const mark = markRunIfSpace(sqlite, options)
      if (mark) writeFolderMark(dataDir, { ...mark, open: true })
      const transaction = createTransaction(sqlite, freeSpace)
      return {
        db,
        sqlite,
        file,
        facts: createFacts(sqlite, clock),
        freeSpace,
        transaction,
        ...createWaiting({ sqlite, transaction, ensureFreeSpace: () => freeSpace.ensure(), clock }),
        setLockTimeout: (when) => {
          sqlite.pragma(`busy_timeout = ${when === 'serving' ? 0 : LOCK_WAIT_STOPPING_MS}`)
        },
        close: () => {
          try {
            sqlite.close()
            if (mark) writeFolderMark(dataDir, { ...mark, open: false })
          } finally {
            lock.release()
          }
        },
      }
    } catch (error) {
      sqlite.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
