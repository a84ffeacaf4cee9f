/**
 * Reads the database for the full check. A database that is not open is read from a copy: SQLite
 * would create files beside it, and the check must not change the data folder.
 */
import {
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { DATABASE_FILE, inspectDatabase, type DatabaseFacts } from '../../store/inspect.ts'
import {
  isWhole,
  listContents,
  listSealed,
  type SealedInstaller,
  type StoredContent,
} from './contents.repo.ts'

export type DatabaseReading = {
  facts: DatabaseFacts
  /** Null: it could not be read that far. */
  contents: StoredContent[] | null
  sealed: SealedInstaller[]
  /** The result of SQLite's integrity check. */
  faults: string[]
  /** It was not inspected: there is no room for a copy. */
  isSkippedForSpace: boolean
}

/** Whether a controller uses the folder: it holds this lock while it runs. */
export function isInUse(dataDir: string): boolean {
  const file = join(dataDir, 'controller.lock')
  if (!existsSync(file)) return false
  let lock: Database.Database | null = null
  try {
    lock = new Database(file, { readonly: true, fileMustExist: true, timeout: 0 })
    lock.prepare('select 1 from sqlite_master').get()
    return false
  } catch (error) {
    return ((error as { code?: string }).code ?? '').startsWith('SQLITE_BUSY')
  } finally {
    lock?.close()
  }
}

const EMPTY = { contents: null, sealed: [], faults: [], isSkippedForSpace: false }

function readFrom(
  dataDir: string,
  migrationsDir: string,
  where: { file: string; isLive: boolean },
): DatabaseReading {
  const facts = inspectDatabase(dataDir, migrationsDir, where)
  if (facts.state !== 'ours') return { facts, ...EMPTY }
  const db = new Database(where.file, { readonly: true, fileMustExist: true, timeout: 5_000 })
  try {
    const faults = isWhole(db)
    return {
      facts,
      faults,
      contents: faults.length > 0 ? null : listContents(db),
      sealed: faults.length === 0 && facts.sealedArguments > 0 ? listSealed(db) : [],
      isSkippedForSpace: false,
    }
  } catch (error) {
    const { code } = error as { code?: string }
    if (!code?.startsWith('SQLITE_CORRUPT')) throw error
    return { facts: { ...facts, state: 'damaged' }, ...EMPTY }
  } finally {
    db.close()
  }
}

/** @throws errors of the file system */
export function readDatabase(
  dataDir: string,
  migrationsDir: string,
  isLive: boolean,
): DatabaseReading {
  const file = join(dataDir, DATABASE_FILE)
  if (isLive) return readFrom(dataDir, migrationsDir, { file, isLive })
  const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
  const needed = sizeOf(file) + sizeOf(`${file}-wal`)
  const { bavail, bsize } = statfsSync(tmpdir())
  if (sizeOf(file) === 0 || needed * 2 > bavail * bsize)
    return {
      facts: inspectDatabase(dataDir, migrationsDir, null),
      ...EMPTY,
      isSkippedForSpace: sizeOf(file) > 0,
    }
  // Private to this user (mkdtemp), and removed when the check ends.
  const folder = mkdtempSync(join(tmpdir(), 'deployx-check-'))
  try {
    const copy = join(folder, DATABASE_FILE)
    for (const end of ['', '-wal'])
      if (existsSync(file + end)) copyFileSync(file + end, copy + end, constants.COPYFILE_FICLONE)
    return readFrom(dataDir, migrationsDir, { file: copy, isLive })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
