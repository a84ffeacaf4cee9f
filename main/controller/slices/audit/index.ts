/**
 * The audit log: who did what to what, when and from where. Entries are only ever added, each
 * chained to the one before it.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import type { AuditEntry, AuditOutcome, AuditProof } from '#shared/contract/rest/audit.ts'
import type { ReportSeparator } from '#shared/contract/rest/requests.ts'
import type { AuditAction } from '#shared/domain/audit-actions.ts'
import type { DeploymentId, DeviceId, UserId } from '#shared/domain/ids.ts'
import { replaceMisleading, replaceMisleadingInLines } from '#shared/domain/plain-text.ts'
import { isoTime, type Log, type Now, type Viewer } from '../../base/context.ts'
import { createSingleTicker, type TickerTime } from '../../base/ticker.ts'
import { createTurns } from '../../base/turns.ts'
import type { Signer } from '../signing/index.ts'
import { storageFailure } from '../../store/failures.ts'
import type { Store } from '../../store/store.ts'
import { createAuditRepo, readLog, type AuditFilter, type AuditRow } from './audit.repo.ts'
import {
  checkChain,
  createChainCheck,
  ENTRY_FORMAT,
  entryHash,
  headText,
  type ChainReport,
} from './chain.ts'
import { csvHead, csvLine, jsonlHead, jsonlLine, parseExport, type LogLine } from './export.ts'
import { createRefusalLimit } from './refusals.ts'

export type { ChainReport } from './chain.ts'
export { NotAnExport } from './export.ts'
export type Audit = ReturnType<typeof createAudit>

/** How often the end of the log is signed if anything was added. */
const SEAL_EVERY_MS = 10 * 60_000
/** Entries per step when the whole log is read: with their data, a few milliseconds. */
const CHUNK = 20
/** A verification is reused for requests within this time. */
const PROOF_KEPT_MS = 5_000
const DATA_LIMIT = 256 * 1024

/** Who did it: a user, or somebody without an account (`id` null). */
export type Actor = { id: UserId | null; username: string; address?: string | undefined }
/** An unauthenticated client. */
export const unknownActor = (address: string): Actor => ({ id: null, username: 'unknown', address })

export type EntryMore = {
  outcome?: AuditOutcome
  deviceId?: DeviceId
  deploymentId?: DeploymentId
  /** For programs; must be plain JSON. */
  data?: Record<string, unknown>
}

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
  const [present] = keys ?? []
  return {
    ...checkChain(exported.rows, exported.heads, keys),
    signaturesChecked: keys !== null,
    keyFingerprint: present ? keyFingerprint(present) : null,
  }
}

/** SHA-256 over the key's SPKI, as for the hub's. */
export const keyFingerprint = (key: KeyObject): string =>
  `sha256/${createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64')}`

/** The JSON of an entry's data: bounded, but never truncated in the middle. */
function dataText(data: Record<string, unknown> | undefined): string | null {
  if (data === undefined) return null
  const text = JSON.stringify(data)
  if (text.length <= DATA_LIMIT) return text
  const sha256 = createHash('sha256').update(text).digest('hex')
  return JSON.stringify({ too_long: text.length, sha256 })
}

function toEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    details: row.details,
    address: row.address,
    outcome: row.outcome,
    device_id: row.device_id,
    deployment_id: row.deployment_id,
    data: row.data === null ? null : (JSON.parse(row.data) as Record<string, unknown>),
    hash: row.hash,
  }
}

export function createAudit(deps: {
  store: Store
  now: Now
  clock: TickerTime
  /**
   * The keys that sign the log's ends, current and previous. If omitted, nothing is signed (tests
   * of other slices).
   */
  publicKeys?: () => readonly KeyObject[]
  /** Deployments that have, or had, this device as a target. */
  deploymentsOfDevice?: (id: DeviceId) => DeploymentId[]
  /** Devices that this one replaced: entries about them concern it too. */
  predecessorsOfDevice?: (id: DeviceId) => DeviceId[]
}) {
  const repo = createAuditRepo(deps.store)
  const publicKeys = (): readonly KeyObject[] => deps.publicKeys?.() ?? []

  /** Call it inside the transaction of the recorded action. `actor` null: the controller itself. */
  function record(
    actor: Actor | null,
    action: AuditAction,
    subject: string,
    details: string,
    more: EntryMore = {},
  ): void {
    const entry = {
      at: isoTime(deps.now()),
      actor_id: actor?.id ?? null,
      actor: replaceMisleading(actor?.username ?? 'system'),
      action,
      subject: replaceMisleading(subject).slice(0, 500),
      details: replaceMisleadingInLines(details).slice(0, 4000),
      format: ENTRY_FORMAT,
      address: (actor?.address && replaceMisleading(actor.address).slice(0, 64)) ?? null,
      outcome: more.outcome ?? ('done' as const),
      device_id: more.deviceId ?? null,
      deployment_id: more.deploymentId ?? null,
      data: dataText(more.data),
    }
    const last = repo.last()
    const hash = entryHash(last?.hash ?? '', entry)
    repo.insert({ ...entry, hash, previous: last ? last.hash : '' })
  }

  /** What no transaction of the caller contains. */
  const recordAlone = (...entry: Parameters<typeof record>): void =>
    deps.store.transaction(() => record(...entry))

  const refusals = createRefusalLimit({
    clock: deps.clock,
    leftOut: (address, count) =>
      recordAlone(
        address === null ? null : unknownActor(address),
        'access.refused',
        address === null ? 'many addresses' : `address ${address}`,
        `${count} more refused requests within ten minutes, not recorded individually`,
        { outcome: 'refused', data: { left_out: count } },
      ),
  })

  /** Signs the current end, unless it is signed already. */
  async function seal(sign: Signer['sign']): Promise<void> {
    const end = repo.last()
    if (!end?.hash || end.id === repo.lastSealed()) return
    const head = { entry_id: end.id, hash: end.hash, at: isoTime(deps.now()) }
    const [signature] = await sign([headText(head)])
    if (!signature) throw new Error('the end of the audit log was not signed')
    repo.insertHead({ ...head, signature })
  }

  /**
   * All entries that exist at this moment, oldest first, in chunks, with time for other work in
   * between.
   */
  async function* chunks(): AsyncGenerator<AuditRow[]> {
    const upTo = repo.last()?.id ?? 0
    const otherWork = createTurns(deps.clock)
    for (let after = 0; ;) {
      const rows = repo.rowsAfter(after, upTo, CHUNK)
      const last = rows.at(-1)
      if (!last) return
      yield rows
      after = last.id
      await otherWork()
    }
  }
  async function* lines(): AsyncGenerator<LogLine[]> {
    for await (const rows of chunks()) {
      const heads = new Map(
        repo.headsOver(rows[0]!.id, rows.at(-1)!.id).map((head) => [head.entry_id, head]),
      )
      yield rows.map((row) => ({ row, head: heads.get(row.id) ?? null }))
    }
  }

  async function prove(): Promise<AuditProof> {
    const keys = publicKeys()
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
    for await (const rows of chunks()) for (const row of rows) check.row(row)
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
    record,
    /** Records a refused request or sign-in. Bounded: the excess is only counted. */
    refused(
      actor: Actor & { address: string },
      action: 'access.refused' | 'user.login_failed',
      subject: string,
      details: string,
    ): void {
      try {
        if (refusals.mayWrite(actor.address))
          recordAlone(actor, action, subject, details, { outcome: 'refused' })
      } catch (error) {
        // The refusal stands even if it cannot be recorded now: it is counted with the skipped
        // ones.
        if (!storageFailure(error)) throw error
        refusals.notWritten(actor.address)
      }
    },

    /** Newest first. Technicians see their own entries. */
    list(
      viewer: Viewer,
      page: {
        limit: number
        offset: number
        before?: number | undefined
        after?: number | undefined
      } & Omit<AuditFilter, 'actorId' | 'deploymentsOfDevice' | 'predecessors'>,
    ): {
      entries: AuditEntry[]
      total: number
      total_is_capped: boolean
      next_before: number | null
      next_after: number | null
    } {
      const { deviceId, since, until } = page
      // Times are compared as text, so convert them to the form of the entries.
      const utc = (time: string | undefined) => time && isoTime(Date.parse(time))
      const filter = {
        actor: page.actor,
        action: page.action,
        deviceId,
        deploymentId: page.deploymentId,
        q: page.q,
        since: utc(since),
        until: utc(until),
        actorId: viewer.role === 'admin' ? null : viewer.id,
        deploymentsOfDevice:
          deviceId === undefined ? undefined : deps.deploymentsOfDevice?.(deviceId),
        predecessors: deviceId === undefined ? undefined : deps.predecessorsOfDevice?.(deviceId),
      }
      // The list starts with the newest entry: those after one in the list are those before it in time.
      const before = Math.min(page.before ?? Infinity, page.after ?? Infinity)
      const { rows, total, isCapped } = repo.page(filter, {
        limit: page.limit + 1,
        offset: page.offset,
        before: before === Infinity ? undefined : before,
      })
      const shown = rows.slice(0, page.limit)
      const next = rows.length > shown.length ? (shown.at(-1)?.id ?? null) : null
      return {
        entries: shown.map(toEntry),
        total,
        total_is_capped: isCapped,
        next_before: next,
        next_after: next,
      }
    },
    facets: (viewer: Viewer): { actors: string[]; actions: string[] } =>
      repo.facets(viewer.role === 'admin' ? null : viewer.id),

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
    /** The whole log, chunk by chunk. */
    async *exportCsv(viewer: Viewer, separator: ReportSeparator): AsyncGenerator<string> {
      recordAlone(viewer, 'audit.export', 'audit trail', 'as CSV')
      yield csvHead(separator)
      for await (const some of lines()) yield some.map((line) => csvLine(line, separator)).join('')
    },
    async *exportJsonl(viewer: Viewer): AsyncGenerator<string> {
      recordAlone(viewer, 'audit.export', 'audit trail', 'as JSON Lines')
      const pems = publicKeys().map((key) => key.export({ type: 'spki', format: 'pem' }).toString())
      yield jsonlHead(pems, isoTime(deps.now()))
      for await (const some of lines()) yield some.map(jsonlLine).join('')
    },

    /** Makes the next entries searchable. @returns how many */
    index: repo.index,

    seal,
    /** Signs the log's end regularly. The returned function does it one last time and stops. */
    startSealing(sign: Signer['sign'], log: Log): () => Promise<void> {
      const run = async (): Promise<void> => {
        refusals.flush()
        await seal(sign)
      }
      const failed = (error: unknown): void =>
        log.error({ err: error }, 'the end of the audit log could not be signed')
      const ticker = createSingleTicker({
        time: deps.clock,
        soonMs: 0,
        heartbeatMs: SEAL_EVERY_MS,
        run,
        failed,
      })
      ticker.start()
      return async () => {
        await ticker.stop()
        await run().catch(failed)
      }
    },
  }
}
