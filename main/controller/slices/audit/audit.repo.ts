import Database, { type Statement } from 'better-sqlite3'
import { foldedForSearch, foldedName } from '#shared/domain/folding.ts'
import type { DeploymentId, DeviceId, UserId } from '#shared/domain/ids.ts'
import { auditHeads, auditLog } from '../../store/schema/index.ts'
import { containsSql, searchParameters } from '../../store/folded.ts'
import type { Store } from '../../store/store.ts'
import { createAuditIndexRepo } from './audit-index.repo.ts'

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
/** What matches a search is counted up to this number. */
export const COUNT_LIMIT = 1_000

export type AuditPage = { limit: number; offset: number; before?: number | undefined }

/** Some texts are empty once they are folded, and part of every text. */
const isSearch = (q: string | undefined): boolean => q !== undefined && foldedForSearch(q) !== ''

/** Entries that may match, by id. */
type Range = { first: number; last: number }
type Values = Record<string, string | number | null>

/**
 * The conditions of a filter on the columns of `l`, and their values. @param spellings of the actor,
 * if they are known: an index finds these, but not a folded name
 */
function conditionsOf(
  filter: AuditFilter,
  spellings: readonly string[] | null = null,
): { sql: string; values: Values } {
  const { q, since, until, deploymentsOfDevice = [], predecessors = [] } = filter
  const parts: [string, Values][] = []
  if (filter.actorId !== null) parts.push(['l.actor_id = @actorId', { actorId: filter.actorId }])
  if (spellings?.length === 1) parts.push(['l.actor = @actor', { actor: spellings[0]! }])
  else if (spellings)
    parts.push([
      'l.actor in (select value from json_each(@actors))',
      { actors: JSON.stringify(spellings) },
    ])
  else if (filter.actor !== undefined)
    parts.push(['folded_name(l.actor) = @actor', { actor: foldedName(filter.actor) }])
  if (filter.action !== undefined) parts.push(['l.action = @action', { action: filter.action }])
  if (filter.deviceId !== undefined)
    parts.push([
      `(l.device_id in (select value from json_each(@devices))
        or l.deployment_id in (select value from json_each(@deployments)))`,
      {
        devices: JSON.stringify([filter.deviceId, ...predecessors]),
        deployments: JSON.stringify(deploymentsOfDevice),
      },
    ])
  if (filter.deploymentId !== undefined)
    parts.push(['l.deployment_id = @deployment', { deployment: filter.deploymentId }])
  if (since !== undefined) parts.push(['l.at >= @since', { since }])
  if (until !== undefined) parts.push(['l.at <= @until', { until }])
  if (q !== undefined)
    parts.push([
      `(${['actor', 'action', 'subject', 'details'].map((c) => containsSql(`l.${c}`)).join(' or ')})`,
      searchParameters(q),
    ])
  return {
    sql: parts.map(([sql]) => ` and ${sql}`).join(''),
    values: Object.assign({}, ...parts.map(([, values]) => values)) as Values,
  }
}

export function createAuditRepo(store: Store) {
  const { db, sqlite } = store
  const index = createAuditIndexRepo(store)
  const last = sqlite.prepare<[], { id: number; hash: string | null }>(
    'select id, hash from audit_log order by id desc limit 1',
  )
  const firstId = sqlite.prepare<[], number>('select min(id) from audit_log').pluck()
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

  /** Each set of conditions is prepared once. */
  const statements = new Map<string, Statement<[Values], unknown>>()
  function prepared(sql: string): Statement<[Values], unknown> {
    const statement = statements.get(sql) ?? sqlite.prepare<[Values], unknown>(sql)
    statements.set(sql, statement)
    return statement
  }

  /**
   * The places where matching entries are, newest first: those that are not indexed yet, and the
   * indexed ones, by the full-text index if a text is searched and nothing else is more selective.
   */
  function sourcesOf(filter: AuditFilter, before: number | undefined) {
    const upTo = index.upTo()
    const end = before === undefined ? Number.MAX_SAFE_INTEGER : before - 1
    const entries = (range: Range, { sql, values }: ReturnType<typeof conditionsOf>) => ({
      sql: `from audit_log l where l.id >= @first and l.id <= @last${sql}`,
      order: 'l.id',
      values: { ...values, ...range },
    })
    const sources =
      end > upTo ? [entries({ first: upTo + 1, last: end }, conditionsOf(filter))] : []
    const spellings = filter.actor === undefined ? null : index.spellings(filter.actor)
    if (spellings?.length === 0) return sources
    const conditions = conditionsOf(filter, spellings)
    const first = filter.since === undefined ? 1 : index.firstSince(filter.since)
    const last = filter.until === undefined ? upTo : index.lastUntil(filter.until)
    if (first === null || last === null) return sources
    const range = { first, last: Math.min(last, upTo, end) }
    const isNarrow = filter.deviceId !== undefined || filter.deploymentId !== undefined
    if (!isSearch(filter.q) || isNarrow) return [...sources, entries(range, conditions)]
    // Names of actor and action are part of the indexed text.
    const { q = '', actor, action } = filter
    const match = index.query([
      q,
      ...(actor === undefined ? [] : [index.rarestPart('actor', actor)]),
      ...(action === undefined ? [] : [index.rarestPart('action', action)]),
    ])
    if (match === null) return sources
    return [
      ...sources,
      {
        sql: `from audit_search s cross join audit_log l on l.id = s.rowid
          where s.audit_search match @match and s.rowid >= @first and s.rowid <= @last${conditions.sql}`,
        order: 's.rowid',
        values: { ...conditions.values, ...range, match },
      },
    ]
  }
  type Source = ReturnType<typeof sourcesOf>[number]
  const countUpTo = (source: Source, limit: number): number =>
    // Newest first, like the page: after a clock was set, a range may begin long before its first match.
    prepared(
      `select count(*) n from (select 1 ${source.sql} order by ${source.order} desc limit @limit)`,
    )
      .pluck()
      .get({ ...source.values, limit }) as number

  /** The number of matching entries, up to a limit where they have to be counted. */
  function total(filter: AuditFilter): { total: number; isCapped: boolean } {
    const { actorId, actor: actorName, action, ...rest } = filter
    const actor = actorName === undefined ? undefined : foldedName(actorName)
    const isCounted = Object.values(rest).every((value) => value === undefined)
    if (isCounted) {
      const indexed = index
        .facets()
        .filter(
          (facet) =>
            (actorId === null || facet.actor_id === actorId) &&
            (actor === undefined || foldedName(facet.actor) === actor) &&
            (action === undefined || facet.action === action),
        )
        .reduce((sum, { entries }) => sum + entries, 0)
      const { sql, values } = conditionsOf(filter)
      const later = prepared(`select count(*) n from audit_log l where l.id > @upTo${sql}`)
        .pluck()
        .get({ ...values, upTo: index.upTo() }) as number
      return { total: indexed + later, isCapped: false }
    }
    let sum = 0
    for (const source of sourcesOf(filter, undefined)) {
      sum += countUpTo(source, COUNT_LIMIT + 1 - sum)
      if (sum > COUNT_LIMIT) return { total: COUNT_LIMIT, isCapped: true }
    }
    return { total: sum, isCapped: false }
  }

  /** The id after which a page of the whole log starts: without gaps, it needs no counting. */
  function skipById(
    { actorId, ...rest }: AuditFilter,
    entries: number,
    before: number | undefined,
    offset: number,
  ): number | null {
    const isWhole = actorId === null && Object.values(rest).every((value) => value === undefined)
    const [first, end] = isWhole && offset > 0 ? [firstId.get(), last.get()?.id] : []
    if (first === undefined || end === undefined || end - first + 1 !== entries) return null
    return Math.max(0, Math.min(before ?? end + 1, end + 1) - offset)
  }

  return {
    insert: (row: typeof auditLog.$inferInsert): void => {
      db.insert(auditLog).values(row).run()
    },
    last: (): { id: number; hash: string | null } | undefined => last.get(),
    /** Newest first. `before`: only entries older than that one. */
    page(filter: AuditFilter, { limit, offset, before }: AuditPage) {
      const rows: AuditRow[] = []
      const counted = total(filter)
      const start = skipById(filter, counted.total, before, offset)
      let skip = start === null ? offset : 0
      for (const source of sourcesOf(filter, start ?? before)) {
        if (rows.length === limit) break
        // The ids alone first: an index that has them is enough to skip the offset.
        const found = prepared(
          `select * from audit_log where id in (
             select ${source.order} ${source.sql} order by ${source.order} desc limit @limit offset @skip)
           order by id desc`,
        ).all({ ...source.values, limit: limit - rows.length, skip }) as AuditRow[]
        rows.push(...found)
        if (found.length > 0) skip = 0
        else if (skip > 0) skip -= countUpTo(source, skip)
      }
      return { rows, ...counted }
    },
    facets(actorId: UserId | null) {
      const known = index.facets()
      const later = prepared(
        'select actor, action, coalesce(actor_id, 0) actor_id from audit_log l not indexed where l.id > @upTo',
      ).all({ upTo: index.upTo() }) as typeof known
      const seen = [...known, ...later].filter(
        (facet) => actorId === null || facet.actor_id === actorId,
      )
      const of = (column: 'actor' | 'action'): string[] =>
        [...new Set(seen.map((facet) => facet[column]))].sort().slice(0, FACET_LIMIT)
      return { actors: of('actor'), actions: of('action') }
    },
    /** Makes the next entries searchable. @returns how many */
    index: index.step,

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
