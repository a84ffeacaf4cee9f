/** The audit trail: who did what to what, when. Entries are only ever added, each chained to the one before it. */
import type { KeyObject } from 'node:crypto'
import type { AuditEntry } from '#shared/contract/entities.ts'
import { isoTime, type Log, type Now, type Viewer } from '../context.ts'
import type { Signer } from '../signing/index.ts'
import type { Store } from '../store/store.ts'
import { createAuditRepo, readTrail, type AuditFilter } from './audit.repo.ts'
import { checkChain, entryHash, headText, type ChainReport } from './chain.ts'

export type { ChainReport } from './chain.ts'
export type Audit = ReturnType<typeof createAudit>

/** The end of the trail is signed so often, if anything was added. */
const SEAL_EVERY_MS = 10 * 60_000

/** Whether the trail in a database is whole. Reads only, also beside a controller that is using it. */
export const proveTrail = (databaseFile: string, publicKeys: readonly KeyObject[]): ChainReport =>
  readTrail(databaseFile, (rows, heads) => checkChain(rows, heads, publicKeys))

export function createAudit(deps: { store: Store; now: Now }) {
  const repo = createAuditRepo(deps.store)

  /** Signs the present end, unless that was done. */
  async function seal(sign: Signer['sign']): Promise<void> {
    const end = repo.last()
    if (!end?.hash || end.id === repo.lastSealed()) return
    const head = { entry_id: end.id, hash: end.hash, at: isoTime(deps.now()) }
    const [signature] = await sign([headText(head)])
    if (!signature) throw new Error('the end of the audit trail was not signed')
    repo.insertHead({ ...head, signature })
  }

  return {
    /** Call it inside the transaction of what it tells about. `actor` null: the controller itself, or somebody unknown. */
    record(
      actor: Pick<Viewer, 'id' | 'username'> | null,
      action: string,
      subject: string,
      details: string,
    ): void {
      const entry = {
        at: isoTime(deps.now()),
        actor_id: actor?.id ?? null,
        actor: actor?.username ?? 'system',
        action,
        subject: subject.slice(0, 500),
        details: details.slice(0, 4000),
      }
      repo.insert({ ...entry, hash: entryHash(repo.last()?.hash ?? '', entry) })
    },
    /** Newest first. A technician sees his own entries. */
    list(
      viewer: Viewer,
      page: { limit: number; offset: number } & Omit<AuditFilter, 'actorId'>,
    ): { entries: AuditEntry[]; total: number } {
      const filter = { ...page, actorId: viewer.role === 'admin' ? null : viewer.id }
      const { rows, total } = repo.page(filter, page.limit, page.offset)
      return {
        entries: rows.map(({ id, at, actor, action, subject, details }) => ({
          id,
          at,
          actor,
          action,
          subject,
          details,
        })),
        total,
      }
    },
    seal,
    /** Signs the trail's end now and then. The returned function does it a last time and stops. */
    startSealing(sign: Signer['sign'], log: Log): () => Promise<void> {
      const tried = () =>
        seal(sign).catch((error: unknown) =>
          log.error({ err: error }, 'the end of the audit trail could not be signed'),
        )
      const timer = setInterval(() => void tried(), SEAL_EVERY_MS)
      timer.unref()
      return () => {
        clearInterval(timer)
        return tried()
      }
    },
  }
}
