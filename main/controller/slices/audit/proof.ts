/** Verifies the hashes and signatures of the log: of this controller, of a database file, of an export. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import type { AuditProof } from '#shared/contract/rest/audit.ts'
import { isoTime, type Now } from '../../base/context.ts'
import type { TickerTime } from '../../base/ticker.ts'
import { createTurns } from '../../base/turns.ts'
import { readLog, type AuditRepo } from './audit.repo.ts'
import { checkChain, createChainCheck, type ChainReport } from './chain.ts'
import { parseExport } from './export.ts'
import { CHUNK, type WholeLog } from './whole-log.ts'

/** A verification is reused for requests within this time. */
const PROOF_KEPT_MS = 5_000

/** Whether a database's audit log is intact. Read-only, so it works beside a running controller. */
export const proveLog = (databaseFile: string, publicKeys: readonly KeyObject[]): ChainReport =>
  readLog(databaseFile, (rows, heads) => checkChain(rows, heads, publicKeys))

/**
 * Whether an exported log is intact by itself. Signed ends are verified with `publicKeys`,
 * otherwise with the keys in the export; without either they are not verified. @throws NotAnExport
 */
export function proveExport(
  text: string,
  publicKeys: readonly KeyObject[] | null,
): ChainReport & { signaturesChecked: boolean; keyFingerprint: string | null } {
  const exported = parseExport(text)
  const own = exported.publicKeys?.map((pem) => createPublicKey(pem)) ?? null
  const keys = publicKeys ?? own
  const [currentKey] = keys ?? []
  return {
    ...checkChain(exported.rows, exported.heads, keys),
    signaturesChecked: keys !== null,
    keyFingerprint: currentKey ? keyFingerprint(currentKey) : null,
  }
}

/** SHA-256 over the key's SPKI, as for the hub's. */
export const keyFingerprint = (key: KeyObject): string =>
  `sha256/${createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64')}`

export function createProof(deps: {
  repo: AuditRepo
  wholeLog: WholeLog
  publicKeys: () => readonly KeyObject[]
  now: Now
  clock: TickerTime
}) {
  const { repo } = deps

  async function prove(): Promise<AuditProof> {
    const keys = deps.publicKeys()
    const check = createChainCheck(keys)
    const otherWork = createTurns(deps.clock)
    for (let after = 0; ;) {
      const heads = repo.headsAfter(after, CHUNK)
      const last = heads.at(-1)
      if (!last) break
      for (const head of heads) check.head(head)
      after = last.id
      await otherWork()
    }
    for await (const rows of deps.wholeLog.chunks()) for (const row of rows) check.row(row)
    const report = check.report()
    return {
      whole: report.problemCount === 0,
      checked_at: isoTime(deps.now()),
      entries: report.entries,
      unchained: report.unchained,
      signed_ends: report.signedEnds,
      signed_up_to: report.signedUpTo,
      problems: report.problems.slice(0, 20),
      problem_count: report.problemCount,
      key_fingerprint: keys[0] ? keyFingerprint(keys[0]) : '',
    }
  }
  let proving: { untilMs: number; proof: Promise<AuditProof> } | null = null

  return {
    /**
     * Verifies every hash and signature in short steps; requests that arrive meanwhile, or just
     * afterwards, share one run.
     */
    proof(): Promise<AuditProof> {
      if (proving && deps.clock.monotonicMs() < proving.untilMs) return proving.proof
      const run = { untilMs: Infinity, proof: prove() }
      proving = run
      run.proof.then(
        () => (run.untilMs = deps.clock.monotonicMs() + PROOF_KEPT_MS),
        () => (run.untilMs = 0),
      )
      return run.proof
    },
  }
}
