import { and, count, desc, eq, gte, inArray, lt, lte, or } from 'drizzle-orm'
import Database from 'better-sqlite3'
import type { DeploymentId, DeviceId, UserId } from '#shared/domain/ids.ts'
import { auditHeads, auditLog } from '../../store/schema/index.ts'
import { holds } from '../../store/folded.ts'
import type { Store } from '../../store/store.ts'

export type AuditRow = Omit<typeof auditLog.$inferSelect, 'previous'>
export type AuditHead = typeof auditHeads.$inferSelect

export type AuditFilter = {
  /** Null: everybody's. */
  actorId: UserId | null
  actor?: string | undefined
  action?: string | undefined
  deviceId?: DeviceId | undefined
  /** With `deviceId`: entries about these deployments also concern the device. */
  deploymentsOfDevice?: DeploymentId[] | undefined
  deploymentId?: DeploymentId | undefined
  /** Part of actor, action, subject or details. */
  q?: string | undefined
  /** Earlier rows of the same PC. */
  predecessors?: DeviceId[] | undefined
  since?: string | undefined
  until?: string | undefined
}

/** Distinct values to choose from. */
const FACET_LIMIT = 500

function matching(filter: AuditFilter) {
  const { q, since, until, deploymentsOfDevice = [] } = filter
  return and(
    filter.actorId === null ? undefined : eq(auditLog.actor_id, filter.actorId),
    filter.actor === undefined ? undefined : eq(auditLog.actor, filter.actor),
    filter.action === undefined ? undefined : eq(auditLog.action, filter.action),
    filter.deviceId === undefined
      ? undefined
      : or(
          inArray(auditLog.device_id, [filter.deviceId, ...(filter.predecessors ?? [])]),
          inArray(auditLog.deployment_id, deploymentsOfDevice),
        ),
    filter.deploymentId === undefined ? undefined : eq(auditLog.deployment_id, filter.deploymentId),
    since === undefined ? undefined : gte(auditLog.at, since),
    until === undefined ? undefined : lte(auditLog.at, until),
    q === undefined
      ? undefined
      : or(
          ...[auditLog.actor, auditLog.action, auditLog.subject, auditLog.details].map((column) =>
            holds(column, q),
          ),
        ),
  )
}

export function createAuditRepo({ db, sqlite }: Store) {
  const last = sqlite.prepare<[], { id: number; hash: string | null }>(
    'select id, hash from audit_log order by id desc limit 1',
  )
  const lastHead = sqlite
    .prepare<[], number>('select entry_id from audit_heads order by id desc limit 1')
    .pluck()
  const rowsAfter = sqlite.prepare<[number, number, number], AuditRow>(
    'select * from audit_log where id > ? and id <= ? order by id limit ?',
  )
  const headsAfter = sqlite.prepare<[number, number], AuditHead>(
    'select * from audit_heads where id > ? order by id limit ?',
  )
  const headsOver = sqlite.prepare<[number, number], AuditHead>(
    'select * from audit_heads where entry_id >= ? and entry_id <= ? order by id',
  )

  return {
    insert: (row: typeof auditLog.$inferInsert): void => {
      db.insert(auditLog).values(row).run()
    },
    last: (): { id: number; hash: string | null } | undefined => last.get(),
    /** Newest first. `before`: only entries older than that one. */
    page(
      filter: AuditFilter,
      page: { limit: number; offset: number; before?: number | undefined },
    ) {
      const where = matching(filter)
      return {
        rows: db
          .select()
          .from(auditLog)
          .where(page.before === undefined ? where : and(where, lt(auditLog.id, page.before)))
          .orderBy(desc(auditLog.id))
          .limit(page.limit)
          .offset(page.offset)
          .all(),
        total: db.select({ n: count() }).from(auditLog).where(where).get()?.n ?? 0,
      }
    },
    facets(actorId: UserId | null) {
      const where = actorId === null ? undefined : eq(auditLog.actor_id, actorId)
      const of = <C extends typeof auditLog.actor | typeof auditLog.action>(column: C) =>
        db
          .selectDistinct({ value: column })
          .from(auditLog)
          .where(where)
          .orderBy(column)
          .limit(FACET_LIMIT)
          .all()
          .map(({ value }) => value as string)
      return { actors: of(auditLog.actor), actions: of(auditLog.action) }
    },

    // ---- oldest first, in chunks
    rowsAfter: (id: number, upTo: number, limit: number): AuditRow[] =>
      rowsAfter.all(id, upTo, limit),
    headsAfter: (id: number, limit: number): AuditHead[] => headsAfter.all(id, limit),
    /** Signed ends over these entries. */
    headsOver: (first: number, last: number): AuditHead[] => headsOver.all(first, last),

    lastSealed: (): number | undefined => lastHead.get(),
    insertHead: (head: typeof auditHeads.$inferInsert): void => {
      db.insert(auditHeads).values(head).run()
    },
  }
}
export type AuditRepo = ReturnType<typeof createAuditRepo>

/**
 * A database's whole audit log, oldest first and one entry at a time, and its signed ends, as of
 * one moment. Uses a separate read-only connection, so it works beside a running controller.
 */
export function readLog<T>(
  databaseFile: string,
  work: (rows: Iterable<AuditRow>, heads: AuditHead[]) => T,
): T {
  const sqlite = new Database(databaseFile, { readonly: true, timeout: 5_000 })
  const heads = sqlite.prepare<[], AuditHead>('select * from audit_heads order by id')
  const rows = sqlite.prepare<[], AuditRow>('select * from audit_log order by id')
  try {
    return sqlite.transaction(() => work(rows.iterate(), heads.all()))()
  } finally {
    sqlite.close()
  }
}
