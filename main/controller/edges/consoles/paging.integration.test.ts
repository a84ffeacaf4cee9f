/** Lists are read page by page: `after` continues where the previous page ended. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'
import { inventoryOf, partOf } from '../../test-kit/inventories.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

/** More than are counted. */
const MANY = 1_001

let t: TestController
beforeAll(async () => {
  t = await startTestController()
  const identity = await t.enroll('PC-1')
  const { socket } = await t.connect(identity)
  const programs = Object.fromEntries(
    Array.from({ length: 5 }, (_, i) => [`needle ${i}`, String(i)]),
  )
  await socket.timeout(EVENT_LIMIT_MS).emitWithAck('inventory_report', {
    facts: {
      ...{ name: 'PC-1', platform: 'linux', arch: 'x64', os_version: 'Debian 12' },
      ...{ agent_version: 'sim', free_disk_bytes: 1 },
    },
    inventory: partOf(null, inventoryOf(programs)),
  })
  const db = new Database(join(t.dataDir, 'deployx.db'), { timeout: EVENT_LIMIT_MS })
  const many = `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${MANY})`
  db.exec(`
    ${many} insert into deployments
      (name, status, created_at, action, strategy_type, offline_policy, wait_minutes, software_names, device_count)
      select iif(i % 249 = 1, 'rare ', 'many ') || i, iif(i % 2, 'completed', 'failed'),
        '2026-11-23T10:00:00.000Z', 'install', 'parallel', 'fail', 60, '[]', 1 from n;
    ${many} insert into audit_log (at, actor, action, subject, details)
      select '2026-11-23T10:00:00.000Z', 'eve', 'user.login', iif(i % 249 = 1, 'rare ', 'many ') || i, '' from n`)
  db.close()
})
afterAll(() => t.stop())

type Query = Record<string, string | number>
const deployments = (query: Query) => t.rest.call('deployments.list', { query: { ...query } })
const audit = (query: Query) => t.rest.call('audit.list', { query: { ...query } })
/** Ids of all pages, each continued with `next_after`. */
async function pages(
  read: (query: Query) => Promise<{ ids: number[]; next: number | null; total: number }>,
  query: Query,
): Promise<{ ids: number[]; totals: Set<number>; reads: number }> {
  const all = { ids: [] as number[], totals: new Set<number>(), reads: 0 }
  for (let after: number | null | undefined = undefined; after !== null;) {
    const { ids, next, total } = await read({ ...query, ...(after !== undefined && { after }) })
    all.ids.push(...ids)
    all.totals.add(total)
    all.reads++
    expect(next === null || next === ids.at(-1)).toBe(true)
    after = next
  }
  return all
}
const readDeployments = (query: Query) =>
  deployments(query).then((reply: RouteReply<'deployments.list'>) => ({
    ids: reply.deployments.map(({ id }) => id),
    next: reply.next_after,
    total: reply.total,
  }))
const readAudit = (query: Query) =>
  audit(query).then((reply: RouteReply<'audit.list'>) => ({
    ids: reply.entries.map(({ id }) => id),
    next: reply.next_after,
    total: reply.total,
  }))

describe.each([
  ['GET /deployments', readDeployments, { status: 'completed' }],
  ['GET /audit', readAudit, { actor: 'eve' }],
])('%s', (route, read, filter) => {
  it.each([
    ['the whole list', {}, 400],
    ['a filter', filter, 300],
    ['a search', { q: 'rare' }, 2],
    ['a filtered search', { q: 'rare', ...filter }, 2],
  ] as const)('is read page by page: %s', async (_what, query: Query, limit) => {
    const { ids, totals, reads } = await pages(read, { ...query, limit })
    const skipped: number[] = []
    for (let offset = 0; offset < ids.length; offset += 500)
      skipped.push(...(await read({ ...query, limit: 500, offset })).ids)
    expect(ids).toEqual(skipped)
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => b - a))
    expect(ids.length).toBeGreaterThan(limit)
    expect(reads).toBe(Math.ceil(ids.length / limit))
    expect([...totals]).toEqual([ids.length])
  })

  it('counts an offset from there', async () => {
    for (const query of [{}, { q: 'many' }, filter] as Query[]) {
      const { ids } = await read({ ...query, limit: 20 })
      const { ids: rest } = await read({ ...query, limit: 5, after: ids[3]!, offset: 4 })
      expect(rest).toEqual(ids.slice(8, 13))
    }
  })

  it('continues with a key that does not exist, and refuses one that cannot', async () => {
    const { ids } = await read({ limit: 3 })
    expect((await read({ limit: 3, after: ids[0]! + 1_000 })).ids).toEqual(ids)
    expect(await read({ after: 1 })).toMatchObject({ ids: [], next: null })
    const path = route.split(' ')[1]!
    for (const after of ['0', '-1', '1.5', 'x', ''])
      expect((await t.rest.raw('GET', `${path}?after=${after}`)).status, after).toBe(400)
  })
})

describe('a total', () => {
  it.each([
    ['deployments', deployments],
    ['audit', audit],
  ] as const)('of a search is counted up to a thousand: %s', async (_what, list) => {
    expect(await list({ q: 'many', limit: 1 })).toMatchObject({
      total: MANY - 5,
      total_is_capped: false,
    })
    expect(await list({ q: 'a', limit: 1 })).toMatchObject({ total: 1_000, total_is_capped: true })
    expect(await list({ q: 'rare', limit: 1 })).toMatchObject({ total: 5, total_is_capped: false })
    const whole = await list({ limit: 1 })
    expect(whole.total).toBeGreaterThanOrEqual(MANY)
    expect(whole.total_is_capped).toBe(false)
  })
})

it('continues `before` and `after` at the older of the two entries', async () => {
  const { ids } = await readAudit({ limit: 6 })
  for (const [before, after] of [
    [ids[1]!, ids[3]!],
    [ids[3]!, ids[1]!],
  ] as const)
    expect((await readAudit({ limit: 2, before, after })).ids).toEqual(ids.slice(4))
  expect((await audit({ limit: 2 })).next_before).toBe(ids[1])
})

it('continues a search for a program with `next_after`', async () => {
  const find = (query: { limit: number; after?: string }) =>
    t.rest.call('inventory.software', { query: { name: 'needle', ...query } })
  const names: string[] = []
  const more: boolean[] = []
  let after: string | null = null
  do {
    const page: RouteReply<'inventory.software'> = await find({
      limit: 2,
      ...(after !== null && { after }),
    })
    names.push(...page.software.map(({ name }) => name))
    more.push(page.more)
    // Only the first page lists which devices have reported.
    expect(page.told).toHaveLength(after === null ? 1 : 0)
    after = page.next_after
  } while (after !== null)
  expect(names).toEqual([0, 1, 2, 3, 4].map((i) => `needle ${i}`))
  expect(more).toEqual([true, true, false])
  expect((await find({ limit: 5 })).next_after).toBeNull()
})
