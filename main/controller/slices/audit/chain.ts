/**
 * The audit log as a hash chain: every entry carries the hash of the one before it, and the end is
 * signed regularly. Changing, inserting or removing an entry later breaks the chain or does not
 * match a signed end.
 */
import { createHash, verify, type KeyObject } from 'node:crypto'
import type { AuditHead, AuditRow } from './audit.repo.ts'

/**
 * The current entry format. An entry keeps the format it was written in, because its hash covers
 * exactly that text.
 */
export const ENTRY_FORMAT = 2

type HashedColumns = Omit<AuditRow, 'id' | 'hash'>

/**
 * The text of an entry that is hashed, after `before`. Null: no version ever wrote an entry like
 * this.
 */
function entryText(before: string, row: HashedColumns): string | null {
  const { at, actor_id, actor, action, subject, details } = row
  const first = [before, at, actor_id, actor, action, subject, details]
  const later = [row.address, row.outcome, row.device_id, row.deployment_id, row.data]
  switch (row.format) {
    case null:
      // That format had none of the later columns: values in them were added afterwards.
      return later.every((value) => value === null) ? JSON.stringify(first) : null
    case 2:
      return JSON.stringify(['deployx audit entry 2', ...first, ...later])
    default:
      return null
  }
}

/**
 * The hash of an entry, based on `before`, the hash of the one before it; empty for the first. Hex.
 */
export function entryHash(before: string, row: HashedColumns): string | null {
  const text = entryText(before, row)
  return text === null ? null : createHash('sha256').update(text).digest('hex')
}

/**
 * The text that is signed for the log's end. It starts with its purpose, so that it cannot be used
 * for anything else.
 */
export const headText = (head: Pick<AuditHead, 'entry_id' | 'hash' | 'at'>): string =>
  ['deployx audit head v1', head.entry_id, head.hash, head.at].join('\n')

export type ChainReport = {
  entries: number
  /** Written by a version without the chain: nothing can be verified about these. */
  unchained: number
  signedEnds: number
  /**
   * The last entry that a signed end covers; later ones are chained, but could be cut off
   * unnoticed.
   */
  signedUpTo: number | null
  problems: string[]
  /** Only the first problems are kept as sentences; this counts all of them. */
  problemCount: number
}

const PROBLEMS_KEPT = 100

export type ChainCheck = ReturnType<typeof createChainCheck>

/**
 * Verifies an audit log incrementally: first `head` for each signed end, then `row` for each entry,
 * oldest first, then `report`.
 * @param publicKeys of the current and previous signing keys: any of them may have signed an end;
 * null: signatures are not verified
 */
export function createChainCheck(publicKeys: readonly KeyObject[] | null) {
  const ends = new Map<number, AuditHead>()
  const problems: string[] = []
  let [problemCount, entries, unchained, signedEnds] = [0, 0, 0, 0]
  let signedUpTo: number | null = null
  let before = ''
  const wrong = (text: string): void => {
    problemCount++
    if (problems.length < PROBLEMS_KEPT) problems.push(text)
  }
  const isGenuine = (head: AuditHead): boolean => {
    if (publicKeys === null) return true
    const [text, signature] = [Buffer.from(headText(head)), Buffer.from(head.signature, 'base64')]
    return publicKeys.some((key) => verify(null, text, key, signature))
  }

  return {
    head(head: AuditHead): void {
      signedEnds++
      if (isGenuine(head)) ends.set(head.entry_id, head)
      else wrong(`The signature of ${head.at} over entry ${head.entry_id} is not genuine.`)
    },
    row(row: AuditRow): void {
      entries++
      if (row.hash === null && before === '') {
        unchained++
        return
      }
      if (row.hash === null || row.hash !== entryHash(before, row))
        wrong(
          `Entry ${row.id} (${row.at}) does not match the one before it: one of the two was changed, or one between them was removed.`,
        )
      before = row.hash ?? before
      const end = ends.get(row.id)
      if (!end) return
      ends.delete(row.id)
      if (end.hash === row.hash) signedUpTo = row.id
      else wrong(`Entry ${row.id} is not the one that was signed at ${end.at}.`)
    },
    /** Call it once at the end. */
    report(): ChainReport {
      for (const { entry_id, at } of ends.values())
        wrong(`Entry ${entry_id} was signed at ${at} and is missing.`)
      return { entries, unchained, signedEnds, signedUpTo, problems, problemCount }
    },
  }
}

/** Verifies the whole log, oldest first. Pure except for the reading. */
export function checkChain(
  rows: Iterable<AuditRow>,
  heads: readonly AuditHead[],
  publicKeys: readonly KeyObject[] | null,
): ChainReport {
  const check = createChainCheck(publicKeys)
  for (const head of heads) check.head(head)
  for (const row of rows) check.row(row)
  return check.report()
}
