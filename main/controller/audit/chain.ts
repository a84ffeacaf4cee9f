/**
 * The audit trail as a chain: every entry carries the hash of the one before it, and now and then its end is signed. So an
 * entry cannot be changed, put in or taken out afterwards without the chain, or a signed end, telling.
 */
import { createHash, verify, type KeyObject } from 'node:crypto'
import type { AuditHead, AuditRow } from './audit.repo.ts'

/** How entries are written now. An entry keeps the format it was written in: its hash stands for exactly that text. */
export const ENTRY_FORMAT = 2

type Told = Omit<AuditRow, 'id' | 'hash'>

/** What is hashed of an entry behind `before`. Null: nobody ever wrote an entry like this. */
function entryText(before: string, row: Told): string | null {
  const { at, actor_id, actor, action, subject, details } = row
  const first = [before, at, actor_id, actor, action, subject, details]
  const later = [row.address, row.outcome, row.device_id, row.deployment_id, row.data]
  switch (row.format) {
    case null:
      // It knew none of the later columns: what stands in them was not written with it.
      return later.every((value) => value === null) ? JSON.stringify(first) : null
    case 2:
      return JSON.stringify(['deployx audit entry 2', ...first, ...later])
    default:
      return null
  }
}

/** The hash of an entry behind `before`, the hash of the one before it; empty for the first. Hex. */
export function entryHash(before: string, row: Told): string | null {
  const text = entryText(before, row)
  return text === null ? null : createHash('sha256').update(text).digest('hex')
}

/** What is signed of the trail's end. It begins with its purpose, so that it never counts for anything else. */
export const headText = (head: Pick<AuditHead, 'entry_id' | 'hash' | 'at'>): string =>
  ['deployx audit head v1', head.entry_id, head.hash, head.at].join('\n')

export type ChainReport = {
  entries: number
  /** Written by a version that did not chain them: nothing is known of these. */
  unchained: number
  signedEnds: number
  /** The last entry that a signed end stands for; what follows is chained, but could be cut off unseen. */
  signedUpTo: number | null
  problems: string[]
  /** Of the problems only the first are kept as sentences; this counts them all. */
  problemCount: number
}

const PROBLEMS_KEPT = 100

export type ChainCheck = ReturnType<typeof createChainCheck>

/**
 * Checks a trail bit by bit: first `head` for each signed end, then `row` for each entry, oldest first, then `report`.
 * @param publicKeys of the key that signs the ends, and of those before it: whichever signed one; null: their signatures are
 * not looked at
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
          `Entry ${row.id} (${row.at}) does not fit the one before it: one of the two was changed, or one between them was taken out.`,
        )
      before = row.hash ?? before
      const end = ends.get(row.id)
      if (!end) return
      ends.delete(row.id)
      if (end.hash === row.hash) signedUpTo = row.id
      else wrong(`Entry ${row.id} is not the one that was signed at ${end.at}.`)
    },
    /** Call it once, at the end. */
    report(): ChainReport {
      for (const { entry_id, at } of ends.values())
        wrong(`Entry ${entry_id} was signed at ${at} and is not there any more.`)
      return { entries, unchained, signedEnds, signedUpTo, problems, problemCount }
    },
  }
}

/** Goes through the whole trail, oldest first. Pure but for the reading. */
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
