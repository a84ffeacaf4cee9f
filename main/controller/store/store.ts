/**
 * The store: one SQLite file in the data folder, one controller per folder.
 * Opening it takes the folder's lock, checks the file, backs it up when a migration is due, and migrates.
 */
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { migrate } from 'drizzle-orm/better-sqlite3/migrator'
import { AppError } from '#shared/contract/errors.ts'
import { makeDataFolder } from './data-folder.ts'
import * as schema from './schema/index.ts'

export type Db = BetterSQLite3Database<typeof schema>
export type Store = {
  db: Db
  /** The driver itself, for prepared statements on hot paths. */
  sqlite: Database.Database
  /** One transaction; nothing of it remains when `work` throws. `work` is synchronous. */
  transaction: <T>(work: () => T) => T
  /** Inside a transaction: a part of it that can fail alone. */
  savepoint: <T>(work: () => T) => T
  close: () => void
}

/**
 * Holds an exclusive SQLite lock on a file of its own until `release`. The operating system frees it when the process
 * dies, so there is never a stale lock to clean up.
 */
function lockDataFolder(dataDir: string): { release: () => void } {
  const lock = new Database(join(dataDir, 'controller.lock'), { timeout: 0 })
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

/** True when the folder of migrations holds more than this database has seen. */
function migrationIsDue(sqlite: Database.Database, migrationsDir: string): boolean {
  const known = sqlite
    .prepare(
      "select count(*) n from sqlite_master where type = 'table' and name = '__drizzle_migrations'",
    )
    .get() as { n: number }
  if (known.n === 0) return false // a new file: nothing to lose
  const applied = sqlite.prepare('select count(*) n from __drizzle_migrations').get() as {
    n: number
  }
  const journal = JSON.parse(readFileSync(join(migrationsDir, 'meta/_journal.json'), 'utf8')) as {
    entries: unknown[]
  }
  return journal.entries.length > applied.n
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
  const aside = `${file}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix)
  return new AppError(
    'E_DATABASE_CORRUPT',
    `The database ${file} is damaged and was put aside as ${aside}. Start again for an empty database, or copy a backup (deployx.db.backup-…) to ${file} first.`,
    [],
    { cause },
  )
}

/**
 * Opens (or makes) the store in `dataDir`.
 * @throws AppError E_DATA_UNWRITABLE, E_DATA_LOCKED, E_DATABASE_CORRUPT
 */
export function openStore(options: { dataDir: string; migrationsDir: string }): Store {
  const { dataDir, migrationsDir } = options
  makeDataFolder(dataDir)
  const lock = lockDataFolder(dataDir)
  const file = join(dataDir, 'deployx.db')
  try {
    let sqlite: Database.Database
    try {
      sqlite = openDatabase(file)
    } catch (cause) {
      const code = (cause as { code?: string }).code
      const damaged =
        code === undefined || code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')
      throw damaged ? setAside(file, cause) : cause
    }
    if (migrationIsDue(sqlite, migrationsDir)) {
      sqlite.pragma('wal_checkpoint(TRUNCATE)')
      copyFileSync(file, `${file}.backup-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`)
    }
    const db = drizzle(sqlite, { schema })
    migrate(db, { migrationsFolder: migrationsDir })
    return {
      db,
      sqlite,
      transaction: (work) => sqlite.transaction(work).immediate(),
      savepoint: (work) => sqlite.transaction(work)(),
      close: () => {
        sqlite.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
