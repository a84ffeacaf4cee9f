/** The removal of a user who owns a year of deployments: in slices, across a restart, and of a chain of users. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

const PASSWORD = 'correct horse'
const MANY = 1_500
let t: TestController
beforeEach(async () => {
  t = await startTestController()
})
afterEach(() => t.stop())

async function add(username: string): Promise<{ id: number; rest: RestClient }> {
  const body = { username, password: PASSWORD, role: 'technician' as const }
  const { id } = await t.rest.call('users.create', { body })
  const { token } = await t.anonymous.call('auth.login', { body: { username, password: PASSWORD } })
  return { id, rest: createRestClient(t.controller.consoleUrl, token) }
}
function inDatabase<T>(work: (db: Database.Database) => T): T {
  const db = new Database(join(t.dataDir, 'deployx.db'), { timeout: 5_000 })
  try {
    return work(db)
  } finally {
    db.close()
  }
}
/** Ended deployments and PCs, as many as a year leaves behind. */
const give = (owner: number, count: number): void =>
  inDatabase((db) => {
    const numbers =
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < @count)'
    db.prepare(
      `${numbers} insert into deployments (name, status, created_by, created_at, ended_at, action, strategy_type, wave,
         offline_policy, wait_minutes, software_names, device_count)
       select 'Rollout ' || i, 'completed', @owner, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'install',
         'parallel', 1, 'fail', 60, '[]', 0 from n`,
    ).run({ owner, count })
    db.prepare(
      `${numbers} insert into devices (name, platform, arch, os_version, agent_version, public_key, owner_id, approved, enrolled_at)
       select 'PC-' || i, 'linux', 'x64', 'Debian 12', '1', 'key ' || i || '-' || @owner, @owner, 1, '2026-01-01T00:00:00.000Z' from n`,
    ).run({ owner, count })
  })
/** As if the controller had stopped in the middle of the removal. */
const markRemoved = (id: number, successor: number | null): void =>
  inDatabase((db) => {
    db.prepare(
      "update users set removed_at = '2026', disabled_at = '2026', successor_id = ? where id = ?",
    ).run(successor, id)
  })
/** Rows of this user in each table. */
const rowsOf = (id: number): Record<'deployments' | 'devices' | 'users', number> =>
  inDatabase(
    (db) =>
      db
        .prepare(
          `select (select count(*) from deployments where created_by = @id) deployments,
             (select count(*) from devices where owner_id = @id) devices,
             (select count(*) from users where id = @id) users`,
        )
        .get({ id }) as ReturnType<typeof rowsOf>,
  )
const names = async (): Promise<string[]> =>
  (await t.rest.call('users.list', {})).users.map((user) => user.username)
const remove = (id: number, successor?: number) =>
  t.rest.call('users.delete', { params: { id }, query: { transfer_to: successor } })

it('answers immediately and transfers the rest in the background', async () => {
  const karl = await add('karl')
  const lena = await add('lena')
  give(karl.id, MANY)
  await remove(karl.id, lena.id)
  // The transaction of the request transfers only a part.
  expect(rowsOf(karl.id).deployments).toBeGreaterThan(0)
  expect(await names()).toEqual(['anna', 'lena'])
  expect((await karl.rest.raw('GET', '/devices')).status).toBe(401)
  expect((await t.rest.raw('GET', `/users/${karl.id}/holdings`)).status).toBe(404)
  const login = { username: 'karl', password: PASSWORD }
  expect((await t.anonymous.raw('POST', '/auth/login', login)).status).toBe(401)
  await until('the row of the removed user to go', () => rowsOf(karl.id).users === 0)
  expect(rowsOf(karl.id)).toEqual({ deployments: 0, devices: 0, users: 0 })
  expect(rowsOf(lena.id)).toEqual({ deployments: MANY, devices: MANY, users: 1 })
  const { deployments, total } = await lena.rest.call('deployments.list', { query: {} })
  expect(total).toBe(MANY)
  expect(deployments[0]!.created_by_name).toBe('karl')
  // The name is free again.
  await add('karl')
})

it('continues after a restart', async () => {
  const karl = await add('karl')
  const lena = await add('lena')
  give(karl.id, MANY)
  markRemoved(karl.id, lena.id)
  await t.restart()
  expect(await names()).toEqual(['anna', 'lena'])
  await until('the row of the removed user to go', () => rowsOf(karl.id).users === 0)
  expect(rowsOf(lena.id)).toEqual({ deployments: MANY, devices: MANY, users: 1 })
})

it('leaves the rest to the last successor when the first one is removed as well', async () => {
  const karl = await add('karl')
  const lena = await add('lena')
  const mona = await add('mona')
  give(karl.id, MANY)
  markRemoved(karl.id, lena.id)
  await remove(lena.id, mona.id)
  expect(rowsOf(lena.id).users).toBe(0)
  await t.restart()
  await until('the row of the removed user to go', () => rowsOf(karl.id).users === 0)
  expect(rowsOf(mona.id)).toEqual({ deployments: MANY, devices: MANY, users: 1 })
})

it('does not give the name to another account before the rows of the first are gone', async () => {
  const karl = await add('karl')
  markRemoved(karl.id, null)
  const body = { username: 'KARL', password: PASSWORD, role: 'technician' }
  const reply = await t.rest.raw('POST', '/users', body)
  expect([reply.status, reply.body]).toMatchObject([503, { error: { code: 'E_BUSY' } }])
})
