/**
 * Inspects the database without changing it: whether it exists, is ours and intact, and what it
 * contains.
 */
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { countMigrations } from './count-migrations.ts'
import { readFolderMark, type FolderMark } from './mark-file.ts'
import type { Mark } from './facts.ts'
import { lostLog, readShm, readWal, type LostLog, type WalState } from './wal.ts'

export const DATABASE_FILE = 'deployx.db'

export type DatabaseState =
  | 'missing'
  /** 0 bytes, or a database without a single table. */
  | 'empty'
  /** Not a database, or damaged where it was read. */
  | 'damaged'
  /** A database of another program. */
  | 'foreign'
  /** A newer version of DeployX has changed its tables. */
  | 'newer'
  /** Another program holds it now. */
  | 'busy'
  | 'ours'

export type DatabaseFacts = {
  file: string
  state: DatabaseState
  wal: WalState
  lost: LostLog | null
  /** Its own mark; null for one of an earlier version. */
  mark: Mark | null
  /** The folder's record of its last database. */
  folderMark: FolderMark | null
  users: number
  /** Without removed ones. */
  devices: number
  /** False if it contains any account, PC or software. */
  isBlank: boolean
  /** Installers with secrets in their arguments, which only the argument key opens. */
  sealedArguments: number
  /** JSON of the stored keys; see identity/remembered.ts. */
  keys: string | null
  /** Copies beside it: backups, and damaged ones that were moved aside. Newest first. */
  copies: string[]
}

type Inside = Pick<
  DatabaseFacts,
  'state' | 'mark' | 'users' | 'devices' | 'isBlank' | 'sealedArguments' | 'keys'
>
const UNKNOWN = { mark: null, users: 0, devices: 0, isBlank: true, sealedArguments: 0, keys: null }
const COPY = /^\.(backup|damaged|before-restore)-/
const BUSY_MS = 5_000
/** A new database whose tables are still in its log. */
const ONE_PAGE_BYTES = 4_096

function sizeOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.size ?? null
}

/** Names of copies of the database in its folder, newest first. */
function copiesOf(file: string): string[] {
  const name = basename(file)
  return readdirSync(dirname(file))
    .filter((other) => other.startsWith(name) && COPY.test(other.slice(name.length)))
    .filter((other) => !/-(wal|shm)$|\.tmp$/.test(other))
    .sort((a, b) => (a.slice(-24) < b.slice(-24) ? 1 : -1))
}

function readInside(db: Database.Database, migrationsDir: string): Inside {
  const tables = new Set(
    db.prepare<[], string>("select name from sqlite_master where type = 'table'").pluck().all(),
  )
  if (tables.size === 0) return { state: 'empty', ...UNKNOWN }
  const state = countMigrations(db, migrationsDir)
  if (state === null) return { state: 'foreign', ...UNKNOWN }
  if (state.seen > state.known) return { state: 'newer', ...UNKNOWN, isBlank: false }
  const count = (table: string, where = ''): number =>
    tables.has(table)
      ? (db.prepare<[], number>(`select count(*) from ${table} ${where}`).pluck().get() ?? 0)
      : 0
  const fact = (name: string): string | null =>
    tables.has('controller_facts')
      ? (db
          .prepare<[string], string>('select value from controller_facts where name = ?')
          .pluck()
          .get(name) ?? null)
      : null
  const [database_id, run] = [fact('database_id'), fact('run')]
  const users = count('users')
  // A database of an earlier version has no such column.
  const hasSealed =
    db.prepare("select 1 from pragma_table_info('installers') where name = 'sealed_args'").get() !==
    undefined
  return {
    state: 'ours',
    users,
    devices: count('devices', 'where deleted_at is null'),
    isBlank: users + count('devices') + count('software') + count('contents') === 0,
    mark: database_id === null || run === null ? null : { database_id, run: Number(run) },
    sealedArguments: hasSealed ? count('installers', 'where sealed_args is not null') : 0,
    keys: fact('keys'),
  }
}

function openAndRead(file: string, migrationsDir: string): Inside {
  let db: Database.Database | null = null
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS })
    return readInside(db, migrationsDir)
  } catch (error) {
    const code = (error as { code?: string }).code ?? ''
    if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
      return { state: 'damaged', ...UNKNOWN, isBlank: false }
    if (code.startsWith('SQLITE_BUSY')) return { state: 'busy', ...UNKNOWN, isBlank: false }
    throw error
  } finally {
    db?.close()
  }
}

/** Where the database is read. */
export type ReadFrom = {
  file: string
  /**
   * A controller is writing to it, so the files beside it change all the time and prove nothing.
   */
  isLive: boolean
}

/**
 * Read-only. SQLite creates an empty `-wal` and a `-shm` beside a database that is not open.
 * @param from a copy of the database, or its location; null: do not open it
 * @throws errors of the file system
 */
export function inspectDatabase(
  dataDir: string,
  migrationsDir: string,
  from: ReadFrom | null = { file: join(dataDir, DATABASE_FILE), isLive: false },
): DatabaseFacts {
  const file = join(dataDir, DATABASE_FILE)
  const folderMark = readFolderMark(dataDir)
  const isLive = from?.isLive ?? false
  // Before opening the database, which rebuilds -shm.
  const wal = readWal(`${file}-wal`)
  const lost = isLive ? null : lostLog(wal, readShm(`${file}-shm`), folderMark?.open ?? null)
  const inside = look()
  return { file, ...inside, wal: wal.state, lost, folderMark, copies: copiesOf(file) }

  function look(): Inside {
    const size = sizeOf(file)
    if (size === null) return { state: 'missing', ...UNKNOWN }
    // SQLite removes the log of a database of 0 bytes, so such a database is never opened.
    if (size === 0 || (lost !== null && size <= ONE_PAGE_BYTES))
      return { state: 'empty', ...UNKNOWN }
    // Opening a database that lost its log would rebuild -shm, which proves the loss.
    if (from === null || (lost !== null && from.file === file))
      return { state: 'ours', ...UNKNOWN, isBlank: false }
    return openAndRead(from.file, migrationsDir)
  }
}
