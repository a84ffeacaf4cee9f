/**
 * The full check of a data folder: reads everything, changes nothing, works beside a running
 * controller.
 */
import { existsSync, readdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { CheckFinding, CheckStep } from '#shared/contract/rest/check.ts'
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { ASIDE_FOLDER } from '../content/index.ts'
import { inspectKeys, judgeKeys, parseRemembered } from '../identity/index.ts'
import type { VaultKey } from '../../base/vault.ts'
import { findExposed } from '../../store/private-folder.ts'
import { factsBesides } from './besides.ts'
import { knowsContent, type StoredContent } from './contents.repo.ts'
import { databaseFindings } from './database-findings.ts'
import { extended, toWire, worded, type Finding } from './finding.ts'
import {
  addressFindings,
  asideFindings,
  contentFindings,
  exposedFindings,
  spaceFindings,
} from './folder-findings.ts'
import { keyFindings } from './key-findings.ts'
import { secretFindings } from './secret-findings.ts'
import { isInUse, readDatabase, type DatabaseReading } from './read-database.ts'
import { readContents } from './read-contents.ts'

export type CheckProgress = { step: CheckStep; done_bytes: number; total_bytes: number }

export type CheckInput = {
  dataDir: string
  migrationsDir: string
  /** Opens the keys that a keystore protects; null: those are not inspected. */
  vaultKey: VaultKey
  /** `HOST:PORT` under which agents reach the hub. */
  addresses: readonly string[]
}

/** @throws AbortError */
export async function checkFolder(
  input: CheckInput,
  onProgress: (progress: CheckProgress) => void,
  signal: AbortSignal,
): Promise<CheckFinding[]> {
  const { dataDir, migrationsDir } = input
  if (!existsSync(dataDir)) return [missingFolder(dataDir)]
  const findings: Finding[] = []
  const progress = (step: CheckStep, done_bytes = 0, total_bytes = 0): void =>
    onProgress({ step, done_bytes, total_bytes })
  /** A part that cannot be checked does not hide the others. */
  async function part<T>(work: () => T | Promise<T>): Promise<T | null> {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted) throw error
      const reason = error instanceof Error ? error.message : String(error)
      findings.push(failed(coded('check_part_failed', { error: reason })))
      return null
    }
  }

  progress('database')
  const isLive = isInUse(dataDir)
  const database = await part(() => readDatabase(dataDir, migrationsDir, isLive))
  if (database) findings.push(...findingsOfDatabase(database, dataDir))

  progress('keys')
  await part(() => {
    const facts = inspectKeys(dataDir, input.vaultKey)
    const inDatabase = database?.facts
    const isRead = inDatabase?.state === 'ours' && !database?.isSkippedForSpace
    // If the database was not read, assume that every key is needed.
    const isNone = inDatabase?.state === 'missing' || inDatabase?.state === 'empty'
    const devices = inDatabase && (isRead || isNone) ? inDatabase.devices : Infinity
    const remembered = parseRemembered(inDatabase?.keys ?? null)
    const needed = { devices, sealedArguments: inDatabase?.sealedArguments ?? 0 }
    findings.push(...keyFindings(dataDir, judgeKeys(facts, needed, remembered).issues))
    if (facts.files.installArguments.state === 'ok')
      findings.push(...secretFindings(facts.folder, input.vaultKey, database?.sealed ?? []))
  })

  progress('folder')
  await part(() => {
    findings.push(...exposedFindings(findExposed(dataDir)))
    const { bavail, bsize } = statfsSync(dataDir)
    findings.push(...spaceFindings(dataDir, bavail * bsize))
    const aside = join(dataDir, ASIDE_FOLDER)
    findings.push(...asideFindings(aside, countFiles(aside)))
    findings.push(...addressFindings(input.addresses))
  })

  const contents = database?.contents
  if (contents)
    await part(async () => {
      findings.push(...contentFindings(await hashAll(contents, isLive)))
    })
  return findings.map(toWire)

  async function hashAll(contents: StoredContent[], isLive: boolean) {
    const total = contents.reduce((sum, { size_bytes }) => sum + size_bytes, 0)
    let done = 0
    progress('content', 0, total)
    const known = new Set(contents.map(({ sha256 }) => sha256))
    // Beside a running controller packages come and go, so query the database again.
    const live = isLive
      ? new Database(join(dataDir, 'deployx.db'), { readonly: true, timeout: 5_000 })
      : null
    try {
      return await readContents({
        dataDir,
        contents,
        isStillKnown: (sha256) => (live ? knowsContent(live, sha256) : known.has(sha256)),
        onBytes: (bytes) => progress('content', (done += bytes), total),
        signal,
      })
    } finally {
      live?.close()
    }
  }
}

function findingsOfDatabase(
  { facts, faults, isSkippedForSpace }: DatabaseReading,
  dataDir: string,
): Finding[] {
  const findings = isSkippedForSpace
    ? [failed(coded('check_no_room', {}))]
    : databaseFindings(facts, factsBesides(dataDir))
  if (faults.length > 0)
    findings.push(
      ...databaseFindings({ ...facts, state: 'damaged' }, factsBesides(dataDir)).map((finding) =>
        extended(finding, coded('check_sqlite_reports', { error: faults[0] ?? '' })),
      ),
    )
  return findings
}

function countFiles(folder: string): number {
  if (!existsSync(folder)) return 0
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
    .length
}

const missingFolder = (dataDir: string): CheckFinding => ({
  code: 'folder_missing',
  severity: 'error',
  file: dataDir,
  ...worded([coded('check_folder_missing', { file: dataDir })], [coded('cure_set_folder', {})]),
})

const failed = (text: CodedText): Finding => ({
  code: 'check_failed',
  severity: 'error',
  ...worded([text], [coded('cure_check_again', {})]),
})
