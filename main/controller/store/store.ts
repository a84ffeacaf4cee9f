/**
 * The store: one SQLite file in the data folder, one controller per folder.
 * Opening it takes the folder's lock, checks the file, backs it up when a migration is due, and migrates.
 */
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { migrate } from 'drizzle-orm/better-sqlite3/migrator'
import { AppError } from '#shared/contract/errors.ts'
import { countMigrations } from './count-migrations.ts'
import { copyDurably, renameDurably } from '../../lib/durable-file.ts'
import { makeDataFolder } from './data-folder.ts'
import { createFacts, markRun, type Facts, type Mark } from './facts.ts'
import { DATABASE_FILE } from './inspect.ts'
import { writeFolderMark } from './mark-file.ts'
import * as schema from './schema/index.ts'

export type Db = BetterSQLite3Database<typeof schema>
export type Store = {
  db: Db
  /** The driver itself, for prepared statements on hot paths. */
  sqlite: Database.Database
  /** Path of the database. */
  file: string
  /** What it remembers about itself. */
  facts: Facts
  /** One transaction; nothing of it remains when `work` throws. `work` is synchronous. */
  transaction: <T>(work: () => T) => T
  close: () => void
}

/**
 * Holds an exclusive SQLite lock on a file of its own until `release`. The operating system frees it when the process
 * dies, so there is never a stale lock to clean up.
 */
function lockDataFolder(dataDir: string): { release: () => void } {
  const file = join(dataDir, 'controller.lock')
  makePrivate(file)
  const lock = new Database(file, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new AppError(
      'E_DATA_LOCKED',
      `Another DeployX controller is using the data folder ${dataDir}. Close it first, or choose another folder with --data.`,
      [],
      { cause },
    )
  }
  return { release: () => lock.close() }
}

const stamp = () => new Date().toISOString().replaceAll(/[:.]/g, '-')

/** A copy of the whole database beside it, under its name only once it is whole. */
function backUp(sqlite: Database.Database, file: string): void {
  sqlite.pragma('wal_checkpoint(TRUNCATE)')
  copyDurably(file, `${file}.backup-${stamp()}`)
}

/** Brings the tables up to this version; what was there before is kept in a backup. @throws AppError E_DATABASE */
function bringUpToDate(sqlite: Database.Database, file: string, migrationsDir: string): Db {
  const state = countMigrations(sqlite, migrationsDir)
  if (state && state.seen > state.known)
    throw new AppError(
      'E_DATABASE',
      `The database ${file} was made by a newer version of DeployX. Install that version again, or choose another folder with --data.`,
    )
  if (state && state.seen < state.known) backUp(sqlite, file)
  const db = drizzle(sqlite, { schema })
  migrate(db, { migrationsFolder: migrationsDir })
  return db
}

function openDatabase(file: string): Database.Database {
  const sqlite = new Database(file, { timeout: 5_000 })
  try {
    sqlite.pragma('journal_mode = WAL')
    // A result is acknowledged only after a commit that survives a power cut.
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    sqlite.pragma('cache_size = -32768')
    const check = sqlite.pragma('quick_check(1)', { simple: true })
    if (check !== 'ok') throw new Error(String(check))
    return sqlite
  } catch (error) {
    sqlite.close()
    throw error
  }
}

/** A damaged file is never overwritten: it is put aside under a name of its own and named in the message. */
function setAside(file: string, cause: unknown): AppError {
  const aside = `${file}.damaged-${stamp()}`
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(file + suffix)) renameDurably(file + suffix, aside + suffix)
  return new AppError(
    'E_DATABASE_CORRUPT',
    `The database ${file} is damaged and was put aside as ${aside}. Copy a backup (deployx.db.backup-…) to ${file} and start with --accept-older-database, or start anew with --start-anew (it moves the old files aside and deletes none) and restore a recovery file on the first screen.`,
    [],
    { cause },
  )
}

/** @throws AppError E_DATABASE_CORRUPT, after having put the damaged file aside */
function openOrSetAside(file: string): Database.Database {
  try {
    return openDatabase(file)
  } catch (cause) {
    const code = (cause as { code?: string }).code
    const isDamaged =
      code === undefined || code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')
    throw isDamaged ? setAside(file, cause) : cause
  }
}

/** A full disk keeps nobody from starting: then this opening is not counted. */
function markRunIfRoom(sqlite: Database.Database): Mark | null {
  try {
    return markRun(sqlite, new Date().toISOString())
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'SQLITE_FULL' || code?.startsWith('SQLITE_IOERR')) return null
    throw error
  }
}

/** SQLite gives -wal and -shm the mode of the database, so that is made first, for this user alone. */
function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

/**
 * Opens (or makes) the store in `dataDir`.
 * @throws AppError E_DATA_UNWRITABLE, E_DATA_LOCKED, E_DATABASE_CORRUPT, E_DATABASE
 */
export function openStore(options: {
  dataDir: string
  migrationsDir: string
  /** Called once nobody else can be using the folder. */
  beforeOpening?: () => void
}): Store {
  const { dataDir, migrationsDir } = options
  makeDataFolder(dataDir)
  const lock = lockDataFolder(dataDir)
  const file = join(dataDir, DATABASE_FILE)
  try {
    options.beforeOpening?.()
    makePrivate(file)
    const sqlite = openOrSetAside(file)
    try {
      const db = bringUpToDate(sqlite, file, migrationsDir)
      const mark = markRunIfRoom(sqlite)
      if (mark) writeFolderMark(dataDir, { ...mark, open: true })
      return {
        db,
        sqlite,
        file,
        facts: createFacts(sqlite),
        transaction: (work) => sqlite.transaction(work).immediate(),
        close: () => {
          sqlite.close()
          if (mark) writeFolderMark(dataDir, { ...mark, open: false })
          lock.release()
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
