/**
 * The quick check of the data folder that every start makes before it writes anything. It refuses
 * to start, or returns what to repair. It never deletes anything: what is in the way is moved
 * aside, and only on request.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AppError, type ErrorCode } from '#shared/contract/errors.ts'
import { copyDurably, makeFolderDurably, renameDurably } from '../../../lib/durable-file.ts'
import type { Log } from '../../base/context.ts'
import {
  inspectKeys,
  judgeKeys,
  NO_REPAIRS,
  parseRemembered,
  settleKeys,
  vaultFile,
  type KeyRepairs,
} from '../identity/index.ts'
import { lockedByKeystore, openVault, type Keystore } from '../../base/vault.ts'
import { DATABASE_FILE, inspectDatabase, type DatabaseFacts } from '../../store/inspect.ts'
import { MARK_FILE } from '../../store/mark-file.ts'
import { readWal } from '../../store/wal.ts'
import { factsBesides } from './besides.ts'
import { databaseFindings } from './database-findings.ts'
import { refusalOf, type Finding } from './finding.ts'
import { keyFindings } from './key-findings.ts'

/**
 * The user's decision after a refusal. `start_over`: move everything aside and start with an empty
 * folder. `accept_older`: continue with a database that lost its latest changes. Neither has any
 * effect on an intact folder.
 */
export type Recover = 'start_over' | 'accept_older'

/** Refusals after which starting over is an option. */
export const START_OVER_CODES: readonly ErrorCode[] = [
  'E_DATA_INCOMPLETE',
  'E_DATABASE_BEHIND',
  'E_DATABASE_CORRUPT',
  'E_KEYS_DAMAGED',
  'E_KEYS_SEALED',
]

type Options = {
  dataDir: string
  migrationsDir: string
  keystore: Keystore | null
  recover: Recover | null
  log: Log
}

const stamp = (): string => new Date().toISOString().replaceAll(/[:.]/g, '-')

/**
 * Call it while nothing else uses the folder, before the database is opened.
 * @returns what to repair when the keys are loaded
 * @throws AppError E_DATA_INCOMPLETE, E_DATABASE_BEHIND, E_DATABASE, E_KEYS_DAMAGED, E_KEYS_SEALED
 */
export function checkAtStart(options: Options): KeyRepairs {
  const { log, recover } = options
  try {
    return examine(options)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (recover === 'start_over' && START_OVER_CODES.includes(error.code)) {
      const aside = moveEverythingAside(options.dataDir)
      log.warn({ code: error.code, aside }, 'starting over: the old files were moved aside')
    } else if (recover === 'accept_older' && error.code === 'E_DATABASE_BEHIND') {
      acceptOlder(options.dataDir)
      log.warn('the database is older than expected: continuing with it, as requested')
    } else throw error
    return examine(options)
  }
}

function examine({ dataDir, migrationsDir, keystore, log }: Options): KeyRepairs {
  const database = inspectDatabase(dataDir, migrationsDir)
  refuse(databaseFindings(database, factsBesides(dataDir)))
  // Opening the database handles both: it moves a damaged one aside and refuses a newer one.
  if (database.state === 'damaged' || database.state === 'newer') return NO_REPAIRS
  const setAside = settleKeys(dataDir)
  if (setAside) log.warn({ setAside }, 'an incomplete change of keys was moved aside')
  const { findings, repairs } = examineKeys(dataDir, database, keystore)
  refuse(findings)
  for (const { code, file, text, cure } of findings) log.warn({ code, file }, `${text} ${cure}`)
  if (database.wal === 'unreadable') {
    // Useless to the database, which would overwrite it.
    const junk = `${database.file}-wal`
    renameDurably(junk, `${junk}.aside-${stamp()}`)
    log.warn({ file: junk }, 'a file that is not a log of the database was moved aside')
  }
  return repairs
}

function refuse(findings: readonly Finding[]): void {
  const refusal = refusalOf(findings)
  if (refusal) throw refusal
}

function examineKeys(
  dataDir: string,
  database: DatabaseFacts,
  keystore: Keystore | null,
): { findings: Finding[]; repairs: KeyRepairs } {
  const file = vaultFile(dataDir)
  // A missing vault file is created later, once the keys are verified; an empty one is a finding.
  const hasVault = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0
  const facts = inspectKeys(dataDir, hasVault ? openVault(file, keystore) : null)
  // A database that another program holds may contain devices, so nothing is created beside it.
  const isBusy = database.state === 'busy'
  const inDatabase = isBusy ? { ...database, devices: Infinity } : database
  const { issues, repairs } = judgeKeys(facts, inDatabase, parseRemembered(database.keys))
  if (facts.vaultFile === 'ok' && facts.locked !== null) throw lockedByKeystore(facts.locked)
  return { findings: keyFindings(dataDir, issues), repairs }
}

/**
 * These stay: the lock, because this process holds it; the reserve, because it is empty space; and
 * files that were moved aside before, also by a version that called this "start anew".
 */
const STAYS = /^(controller\.(lock|pid)|reserve$|before-start-(over|anew)-)/

function moveEverythingAside(dataDir: string): string {
  const aside = join(dataDir, `before-start-over-${stamp()}`)
  const names = readdirSync(dataDir).filter((name) => !STAYS.test(name))
  makeFolderDurably(aside)
  // Move the keys last: as long as they are there, a start after a crash does not take the folder for a new one.
  const isLast = (name: string): number => (name.startsWith('keys') ? 1 : 0)
  for (const name of names.sort((a, b) => isLast(a) - isLast(b)))
    renameDurably(join(dataDir, name), join(aside, name))
  return aside
}

/** Keeps a copy of the log. SQLite still applies the readable part of a truncated log. */
function acceptOlder(dataDir: string): void {
  const file = join(dataDir, DATABASE_FILE)
  const aside = `.aside-${stamp()}`
  const log = `${file}-wal`
  if (readWal(log).state === 'unreadable') renameDurably(log, log + aside)
  else if (existsSync(log)) copyDurably(log, log + aside)
  for (const path of [`${file}-shm`, join(dataDir, MARK_FILE)])
    if (existsSync(path)) renameDurably(path, path + aside)
}
