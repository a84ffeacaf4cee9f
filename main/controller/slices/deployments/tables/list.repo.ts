/** The list of deployments, newest first: filtered, searched by name, and counted without reading them all. */
import type { Statement } from 'better-sqlite3'
import { foldedForSearch } from '#shared/domain/folding.ts'
import type { DeploymentId, UserId } from '#shared/domain/ids.ts'
import { containsSql, searchParameters } from '../../../store/folded.ts'
import { createTextSearch } from '../../../store/text-search.ts'
import type { Store } from '../../../store/store.ts'
import type { DeploymentRow } from './rows.ts'

/** What matches a search is counted up to this number. */
const COUNT_LIMIT = 1_000

export type ListFilter = {
  ownerId: UserId | null
  statuses: DeploymentRow['status'][] | null
  q?: string
}
/** @prop after the last one of the previous page */
export type ListPage = { limit: number; offset: number; after?: DeploymentId | undefined }
type StatusCount = { status: DeploymentRow['status']; n: number }
type Source = { sql: string; order: string; values: Record<string, string | number> }

export function createListRepo({ sqlite, transaction }: Store) {
  const search = createTextSearch(sqlite, 'deployment_search')
  const next = sqlite.prepare<[number, number], { id: number; text: string }>(
    'select id, name text from deployments where id > ? order by id limit ?',
  )
  const bounds = sqlite.prepare<[], { first: number | null; last: number | null }>(
    'select (select min(id) from deployments) first, (select max(id) from deployments) last',
  )
  const countsOfAll = sqlite.prepare<[], StatusCount>(
    'select status, sum(deployments) n from deployment_counts group by status',
  )
  const countsOf = sqlite.prepare<[number], StatusCount>(
    'select status, deployments n from deployment_counts where owner_id = ?',
  )
  const statements = new Map<string, Statement<[Source['values']], number>>()
  function prepared(sql: string): Statement<[Source['values']], number> {
    const known = statements.get(sql) ?? sqlite.prepare<[Source['values']], number>(sql).pluck()
    statements.set(sql, known)
    return known
  }
  /** Of all users, or of one. */
  const statusCounts = (ownerId: UserId | null): StatusCount[] =>
    ownerId === null ? countsOfAll.all() : countsOf.all(ownerId)

  /** Where matching deployments are, newest first: not indexed yet, and indexed. */
  function sourcesOf({ ownerId, statuses, q = '' }: ListFilter, after?: DeploymentId): Source[] {
    const rest = (id: string): string => (after === undefined ? '' : ` and ${id} < @after`)
    const owner = ownerId === null ? '' : ' and d.created_by = @owner'
    const states = statuses?.map((status) => `'${status}'`) ?? []
    const state =
      states.length === 0
        ? ''
        : ` and d.status ${states.length === 1 ? `= ${states[0]}` : `in (${states.join()})`}`
    const values: Source['values'] = {
      ...(ownerId !== null && { owner: ownerId }),
      ...(after !== undefined && { after }),
    }
    if (foldedForSearch(q) === '')
      return [
        { sql: `from deployments d where 1${owner}${state}${rest('d.id')}`, order: 'd.id', values },
      ]
    const upTo = search.upTo()
    const where = `${owner}${state} and ${containsSql('d.name')}`
    const named = { ...values, ...searchParameters(q), upTo }
    const match = search.query([q])
    const later = {
      sql: `from deployments d where d.id > @upTo${rest('d.id')}${where}`,
      order: 'd.id',
      values: named,
    }
    if (match === null) return [later]
    return [
      later,
      {
        sql: `from deployment_search s cross join deployments d on d.id = s.rowid
          where s.deployment_search match @match and s.rowid <= @upTo${rest('s.rowid')}${where}`,
        order: 's.rowid',
        values: { ...named, match },
      },
    ]
  }
  function countUpTo(sources: Source[], limit: number): number {
    let sum = 0
    for (const { sql, values } of sources)
      sum += prepared(`select count(*) from (select 1 ${sql} limit @limit)`).get({
        ...values,
        limit: limit - sum,
      })!
    return sum
  }

  return {
    statusCounts,
    /** @returns ids of the page, and how many there are, up to a limit for a search */
    pageIds(filter: ListFilter, { limit, offset, after }: ListPage) {
      const sources = sourcesOf(filter)
      const isSearch = sources[0]!.order !== 'd.id' || 'like' in sources[0]!.values
      const sum = isSearch
        ? countUpTo(sources, COUNT_LIMIT + 1)
        : statusCounts(filter.ownerId)
            .filter(({ status }) => !filter.statuses || filter.statuses.includes(status))
            .reduce((all, { n }) => all + n, 0)
      const counted = {
        total: Math.min(sum, isSearch ? COUNT_LIMIT : sum),
        isCapped: isSearch && sum > COUNT_LIMIT,
      }
      const { first, last } = bounds.get()!
      // While ids have no gaps, the id of a row follows from its place in the whole list.
      if (offset > 0 && !isSearch && !filter.statuses && filter.ownerId === null)
        if (first !== null && last !== null && last - first + 1 === sum) {
          const ids = prepared(
            'select id from deployments d where d.id <= @last order by d.id desc limit @limit',
          ).all({ last: Math.min(last, (after ?? Infinity) - 1) - offset, limit })
          return { ids: ids as DeploymentId[], ...counted }
        }
      const ids: number[] = []
      let skip = offset
      for (const source of after === undefined ? sources : sourcesOf(filter, after)) {
        if (ids.length === limit) break
        const { sql, order, values } = source
        const found = prepared(
          `select ${order} ${sql} order by ${order} desc limit @limit offset @skip`,
        ).all({ ...values, limit: limit - ids.length, skip })
        ids.push(...found)
        if (found.length > 0) skip = 0
        else if (skip > 0) skip -= countUpTo([source], skip)
      }
      return { ids: ids as DeploymentId[], ...counted }
    },
    /** Makes the next names searchable. @returns how many */
    index: (limit: number): number =>
      transaction(() => {
        const rows = next.all(search.upTo(), limit)
        search.add(rows)
        return rows.length
      }),
  }
}
