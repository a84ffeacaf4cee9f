/** Names and search over REST ignore case and Unicode composition, and `%` and `_` are literal. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestController, type TestController } from '../test-kit/test-controller.ts'

const nfd = (text: string) => text.normalize('NFD')
const PASSWORD = 'Grüße aus Köln 9!'
let t: TestController

beforeAll(async () => {
  t = await startTestController()
  const device = (await t.enroll('PC-1')).deviceId
  const software = (await t.addScript('tool')).id
  for (const name of ['Übernahme Büro 100%_neu', 'Straße', 'Zweite'])
    await t.rest.call('deployments.create', {
      body: {
        name,
        software_ids: [software],
        device_ids: [device],
        scheduled_at: new Date(Date.now() + 3_600_000).toISOString(),
      },
    })
  await t.rest.call('users.create', {
    body: { username: 'Jörg', password: PASSWORD, role: 'technician' },
  })
})
afterAll(() => t.stop())

describe('deployments and the audit log', () => {
  it.each([
    ['BÜRO', 1],
    ['büro', 1],
    [nfd('Büro'), 1],
    ['übernahme', 1],
    ['ZWEITE', 1],
    ['STRASSE', 1],
    ['straße', 1],
    ['100%', 1],
    ['%', 1],
    ['_', 1],
    ['%_', 1],
    ['\\', 0],
    ['e', 3],
    ['nobody', 0],
  ])('are found by %s', async (q, count) => {
    expect((await t.rest.call('deployments.list', { query: { q } })).total).toBe(count)
    const query = { q, action: 'deployment.create' as const }
    const { entries } = await t.rest.call('audit.list', { query })
    expect(new Set(entries.map(({ subject }) => subject)).size).toBeGreaterThanOrEqual(count)
    if (count === 0) expect(entries).toEqual([])
  })
  it.each(['jörg', 'JÖRG', nfd('Jörg')])('are found by user: %s', async (q) => {
    await t.anonymous.call('auth.login', { body: { username: 'Jörg', password: PASSWORD } })
    const { entries } = await t.rest.call('audit.list', { query: { q } })
    expect(entries.length).toBeGreaterThan(0)
  })
})

describe('a name in use', () => {
  it('cannot be given to another group in other case or composition', async () => {
    const { id } = await t.rest.call('groups.create', { body: { name: 'Büro' } })
    for (const name of ['BÜRO', 'büro', nfd('Büro'), 'Büro\u00A0'.trim(), 'BÜRO'.normalize('NFD')])
      expect((await t.rest.raw('POST', '/groups', { name })).status, name).toBe(409)
    const other = await t.rest.call('groups.create', { body: { name: 'Kasse' } })
    expect((await t.rest.raw('PATCH', `/groups/${other.id}`, { name: 'BÜRO' })).status).toBe(409)
    // Its own name may change in case.
    expect((await t.rest.raw('PATCH', `/groups/${id}`, { name: 'BÜRO' })).status).toBe(200)
    expect((await t.rest.raw('POST', '/groups', { name: 'Buro' })).status).toBe(200)
  })

  it('cannot be given to another user', async () => {
    for (const username of ['JÖRG', 'jörg', nfd('Jörg')])
      expect(
        (await t.rest.raw('POST', '/users', { username, password: PASSWORD, role: 'technician' }))
          .status,
        username,
      ).toBe(409)
  })

  it.each(['Jörg', 'jörg', 'JÖRG', nfd('Jörg')])('signs in: %s', async (username) => {
    for (const password of [PASSWORD, nfd(PASSWORD)])
      expect((await t.anonymous.raw('POST', '/auth/login', { username, password })).status).toBe(
        200,
      )
  })
})

describe('duplicate names from an earlier version', () => {
  it('stay, are found by their exact spelling, and no more of them are accepted', async () => {
    const { default: Database } = await import('better-sqlite3')
    const db = new Database(`${t.dataDir}/deployx.db`)
    const add = db.prepare(
      `insert into users (username, password_hash, role, created_at, must_change_password)
       select ?, password_hash, role, created_at, 0 from users where username = 'Jörg'`,
    )
    add.run('JÖRG')
    const group = db.prepare(
      "insert into device_groups (name, created_at) values (?, '2026-01-01T00:00:00.000Z')",
    )
    group.run('Lager Süd')
    group.run('LAGER SÜD')
    db.close()
    const signIn = async (username: string) =>
      (await t.anonymous.raw('POST', '/auth/login', { username, password: PASSWORD })).body
    for (const username of ['Jörg', 'JÖRG'])
      expect(await signIn(username)).toMatchObject({ user: { username } })
    expect(await signIn('jörg')).toMatchObject({ success: false })
    const { groups } = await t.rest.call('groups.list', {})
    const twice = groups.filter(({ name }) => name.toLowerCase() === 'lager süd')
    expect(twice).toHaveLength(2)
    // One of them can be saved under its current name, and renamed.
    const path = `/groups/${twice[0]!.id}`
    expect((await t.rest.raw('PATCH', path, { name: twice[0]!.name })).status).toBe(200)
    expect((await t.rest.raw('PATCH', path, { name: 'lager süd' })).status).toBe(409)
    expect((await t.rest.raw('PATCH', path, { name: 'Lager Nord' })).status).toBe(200)
  })
})
