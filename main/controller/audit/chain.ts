/**
 * The audit trail as a chain: every entry carries the hash of the one before it, and now and then its end is signed. So an
 * entry cannot be changed, put in or taken out afterwards without the chain, or a signed end, telling.
 */
import { createHash, verify, type KeyObject } from 'node:crypto'
import type { AuditHead, AuditRow } from './audit.repo.ts'

type Told = Pick<AuditRow, 'at' | 'actor_id' | 'actor' | 'action' | 'subject' | 'details'>

/** The hash of an entry behind `before`, the hash of the one before it; empty for the first. Hex. */
export function entryHash(before: string, row: Told): string {
  const { at, actor_id, actor, action, subject, details } = row
  const text = JSON.stringify([before, at, actor_id, actor, action, subject, details])
  return createHash('sha256').update(text).digest('hex')
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
}

/** Goes through the whole trail, oldest first. Pure but for the reading. */
export function checkChain(
  rows: Iterable<AuditRow>,
  heads: readonly AuditHead[],
  /** The command key, and those of before: whichever signed an end. */
  publicKeys: readonly KeyObject[],
): ChainReport {
  const report: ChainReport = {
    entries: 0,
    unchained: 0,
    signedEnds: heads.length,
    signedUpTo: null,
    problems: [],
  }
  const ends = new Map(heads.map((head) => [head.entry_id, head]))
  const found = new Set<number>()
  let before = ''
  for (const row of rows) {
    report.entries++
    if (row.hash === null && before === '') {
      report.unchained++
      continue
    }
    if (row.hash !== entryHash(before, row))
      report.problems.push(
        `Entry ${row.id} (${row.at}) does not fit the one before it: one of the two was changed, or one between them was taken out.`,
      )
    before = row.hash ?? before
    const end = ends.get(row.id)
    if (!end) continue
    found.add(row.id)
    if (end.hash !== row.hash)
      report.problems.push(`Entry ${row.id} is not the one that was signed at ${end.at}.`)
    else report.signedUpTo = row.id
  }
  for (const head of heads) {
    const [text, signature] = [Buffer.from(headText(head)), Buffer.from(head.signature, 'base64')]
    if (!publicKeys.some((key) => verify(null, text, key, signature)))
      report.problems.push(
        `The signature of ${head.at} over entry ${head.entry_id} is not genuine.`,
      )
    else if (!found.has(head.entry_id))
      report.problems.push(
        `Entry ${head.entry_id} was signed at ${head.at} and is not there any more.`,
      )
  }
  return report
}
