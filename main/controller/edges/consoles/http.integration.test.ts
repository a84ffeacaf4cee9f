/** The console's port with bad input and unauthorized callers: a clear error with its code, and the controller keeps running. */
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { io } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import { startController } from '../../compose/index.ts'
import { enrollSimAgent } from '../../test-kit/sim-agent.ts'
import {
  createRestClient,
  startTestController,
  type RestReply,
  type TestController,
} from '../../test-kit/test-controller.ts'
import { TEST_WORKERS_DIR } from '../../test-kit/workers.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'

let t: TestController
let softwareId: number
let deviceId: number
beforeAll(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0 } } })
  softwareId = (await t.addScript('tool')).id
  deviceId = (await t.enroll('LAB-01')).deviceId
})
afterAll(async () => {
  await t.stop()
})

const expectError = (reply: RestReply, status: number, code: string) => {
  expect(reply.body).toMatchObject({
    success: false,
    error: { code, details: expect.any(Array) as unknown[] },
  })
  expect(reply.status).toBe(status)
}
const create = (change: object) =>
  t.rest.raw('POST', '/deployments/create', {
    name: 'Tool',
    software_ids: [softwareId],
    device_ids: [deviceId],
    group_ids: [],
    custom_software: [],
    ...change,
  })

describe('an invalid request', () => {
  it.each([
    ['malformed JSON', '{"name": ', 'E_MALFORMED'],
    ['an empty body', '', 'E_MALFORMED'],
  ])('%s', async (_what, body, code) => {
    expectError(await t.rest.raw('POST', '/deployments/create', body), 400, code)
  })

  it.each([
    ['no name', { name: undefined }, '/name'],
    ['an empty name', { name: '   ' }, '/name'],
    ['a name of 10,000 characters', { name: 'x'.repeat(10_000) }, '/name'],
    ['control characters in the name', { name: 'a\u0007b' }, '/name'],
    ['a number for a name', { name: 7 }, '/name'],
    ['text for ids', { device_ids: ['1'] }, '/device_ids/0'],
    ['no software', { software_ids: [] }, '/software_ids'],
    ['no devices and no groups', { device_ids: [] }, '/device_ids'],
    ['an unknown strategy', { strategy_type: 'all_at_once' }, '/strategy_type'],
    ['zero at a time', { strategy: { max_concurrent: 0 } }, '/strategy/max_concurrent'],
    ['a wait of zero minutes', { offline_policy: 'wait', wait_minutes: 0 }, '/wait_minutes'],
    [
      'an address that is not for the web',
      { custom_software: [{ name: 'x', download_url: 'ftp://host/x.deb' }] },
      '/custom_software/0/download_url',
    ],
  ])('%s is refused with the path of the error', async (_what, change, path) => {
    const reply = await create(change)
    expectError(reply, 400, 'E_VALIDATION')
    expect(reply.body).toMatchObject({ error: { details: [{ path }] } })
  })

  it('ignores unknown keys', async () => {
    expect((await create({ colour: 'blue' })).status).toBe(200)
  })
  it.each([
    ['device', { device_ids: [999_999] }, '/device_ids/0'],
    ['group', { group_ids: [999_999] }, '/group_ids/0'],
    ['software', { software_ids: [999_999] }, '/software_ids/0'],
  ])('names a %s that does not exist, and starts nothing', async (_what, change, path) => {
    const before = await t.rest.call('deployments.list', {})
    const reply = await create(change)
    expectError(reply, 404, 'E_NOT_FOUND')
    expect(reply.body).toMatchObject({ error: { details: [{ path }] } })
    expect((await t.rest.call('deployments.list', {})).total).toBe(before.total)
  })
  it('refuses groups without members', async () => {
    const group = await t.rest.call('groups.create', { body: { name: 'Nobody' } })
    expectError(await create({ device_ids: [], group_ids: [group.id] }), 400, 'E_NO_TARGETS')
  })
  it('refuses a body larger than 1 MiB', async () => {
    expectError(await create({ name: 'x'.repeat(1024 * 1024) }), 413, 'E_TOO_LARGE')
  })
  it('refuses an unsupported content type', async () => {
    expectError(
      await t.rest.raw('POST', '/auth/login', 'a=b', {
        'content-type': 'application/x-www-form-urlencoded',
      }),
      415,
      'E_MEDIA_TYPE',
    )
  })
  it.each(['/devices/abc', '/devices/0', '/deployments/-1', '/deployments/1.5'])(
    'refuses the id in %s',
    async (path) => {
      expectError(await t.rest.raw('GET', path), 400, 'E_VALIDATION')
    },
  )
  it.each(['/devices/999999', '/deployments/999999', '/deployments/999999/progress', '/nowhere'])(
    'finds nothing at %s',
    async (path) => {
      expectError(await t.rest.raw('GET', path), 404, 'E_NOT_FOUND')
    },
  )
  it('does not cancel ended deployments or retry targets that have not failed', async () => {
    const { deployment_id: id } = (await create({})).body as { deployment_id: number }
    await expect
      .poll(async () => (await t.rest.raw('GET', `/deployments/${id}`)).body)
      .toMatchObject({ status: 'failed' })
    const refused = await t.rest.raw('POST', `/deployments/${id}/cancel`)
    expectError(refused, 409, 'E_ILLEGAL_STATE')
    expect(refused.body).toMatchObject({ error: { reason: 'deployment_ended', params: {} } })
    expectError(
      await t.rest.raw('POST', `/deployments/${id}/retry`, { target_ids: [999_999] }),
      409,
      'E_ILLEGAL_STATE',
    )
  })
})

describe('an unauthorized caller', () => {
  const paths = (Object.keys(rest) as RouteName[]).filter((name) => rest[name].access !== 'none')
  it.each(paths)('%s requires a token', async (name) => {
    const path = rest[name].path.replaceAll(/:\w+/g, '1')
    expectError(
      await t.anonymous.raw(rest[name].method, path, rest[name].method === 'POST' ? {} : undefined),
      401,
      'E_UNAUTHENTICATED',
    )
  })

  it('accepts no token that it did not sign, or signed differently', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = JSON.parse(
      Buffer.from(t.session.token.split('.')[1]!, 'base64url').toString(),
    ) as object
    const none = `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`
    const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
    const guessed = `${body}.${createHmac('sha256', 'secret').update(body).digest('base64url')}`
    const altered = t.session.token.slice(0, -3) + 'AAA'
    for (const token of [none, guessed, altered, 'x', '']) {
      expectError(
        await createRestClient(t.controller.consoleUrl, token).raw('GET', '/devices'),
        401,
        'E_UNAUTHENTICATED',
      )
    }
  })

  it('ends a token with its session, for REST and feed', async () => {
    const session = await t.anonymous.call('auth.login', {
      body: { username: 'anna', password: 'correct horse' },
    })
    const client = createRestClient(t.controller.consoleUrl, session.token)
    const feed = io(t.controller.consoleUrl + CONSOLE_NAMESPACE, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth: { token: session.token },
    })
    await new Promise<void>((resolve) => feed.on('connect', resolve))
    const cut = new Promise<string>((resolve) => feed.on('disconnect', resolve))
    await client.call('auth.logout', {})
    expect(await cut).toBe('io server disconnect')
    expectError(await client.raw('GET', '/devices'), 401, 'E_UNAUTHENTICATED')
    expectError(
      await t.anonymous.raw('POST', '/auth/refresh', { refresh_token: session.refresh_token }),
      401,
      'E_UNAUTHENTICATED',
    )
  })

  it('accepts a refresh token once', async () => {
    const { refresh_token } = await t.anonymous.call('auth.login', {
      body: { username: 'anna', password: 'correct horse' },
    })
    await t.anonymous.call('auth.refresh', { body: { refresh_token } })
    expectError(
      await t.anonymous.raw('POST', '/auth/refresh', { refresh_token }),
      401,
      'E_UNAUTHENTICATED',
    )
  })

  it('gives the same answer to a wrong name and a wrong password', async () => {
    const a = await t.anonymous.raw('POST', '/auth/login', {
      username: 'anna',
      password: 'wrong horse',
    })
    const b = await t.anonymous.raw('POST', '/auth/login', {
      username: 'nobody',
      password: 'wrong horse',
    })
    expectError(a, 401, 'E_CREDENTIALS')
    expect(a.body).toEqual(b.body)
  })

  it('creates a first account only once', async () => {
    expectError(
      await t.anonymous.raw('POST', '/auth/setup', { username: 'eve', password: 'eve eve eve' }),
      409,
      'E_SETUP_DONE',
    )
  })

  it('refuses pages of other origins and foreign host names', async () => {
    expectError(
      await t.rest.raw('GET', '/devices', undefined, { origin: 'https://evil.example' }),
      403,
      'E_ORIGIN',
    )
    const { port } = new URL(t.controller.consoleUrl)
    const status = await new Promise<number>((resolve, reject) => {
      request(
        { host: '127.0.0.1', port, path: '/health', headers: { host: 'evil.example' } },
        (r) => {
          r.resume()
          resolve(r.statusCode ?? 0)
        },
      )
        .on('error', reject)
        .end()
    })
    expect(status).toBe(403)
  })

  it('lets technicians see and do only what is theirs', async () => {
    await t.rest.call('users.create', {
      body: { username: 'tom', password: 'tom tom tom', role: 'technician' },
    })
    const session = await t.anonymous.call('auth.login', {
      body: { username: 'tom', password: 'tom tom tom' },
    })
    const tom = createRestClient(t.controller.consoleUrl, session.token)
    expect((await tom.call('devices.list', {})).devices).toEqual([])
    expect((await tom.call('deployments.list', {})).total).toBe(0)
    expectError(await tom.raw('GET', `/devices/${deviceId}`), 404, 'E_NOT_FOUND')
    expectError(await tom.raw('GET', '/users'), 403, 'E_FORBIDDEN')
    expectError(
      await tom.raw('POST', '/deployments/create', {
        name: 'x',
        software_ids: [softwareId],
        device_ids: [deviceId],
        group_ids: [],
        custom_software: [],
      }),
      404,
      'E_NOT_FOUND',
    )
  })

  it('slows down password guessing', async () => {
    let last: RestReply | null = null
    for (let i = 0; i < 25; i++)
      last = await t.anonymous.raw('POST', '/auth/refresh', { refresh_token: 'guess' })
    expectError(last!, 429, 'E_RATE_LIMITED')
    expect(Number(last!.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

describe('an enrolment', () => {
  it('is refused with a code that is wrong, used up or revoked', async () => {
    const { code, id } = await t.rest.call('enrollments.create', { body: {} })
    const wrong = code.replace(/^DX1\.[^.]{4}/, 'DX1.AAAA')
    await expect(enrollSimAgent(t.hub, wrong, 'X')).rejects.toThrow(/E_ENROLLMENT_CODE/)
    await enrollSimAgent(t.hub, code, 'LAB-02')
    await expect(enrollSimAgent(t.hub, code, 'LAB-03')).rejects.toThrow(/used up/)
    const other = await t.rest.call('enrollments.create', { body: {} })
    await t.rest.call('enrollments.delete', { params: { id: other.id } })
    await expect(enrollSimAgent(t.hub, other.code, 'LAB-04')).rejects.toThrow(/E_ENROLLMENT_CODE/)
    expect(
      (await t.rest.call('enrollments.list', {})).enrollments.find((e) => e.id === id),
    ).toMatchObject({ uses: 1, max_uses: 1 })
  })
})

describe('the list of devices', () => {
  it('shows each one as it is shown alone, with its groups', async () => {
    const { deviceId } = await t.enroll('LISTED')
    const group_ids: number[] = []
    for (const name of ['Listed', 'Also listed']) {
      const group = await t.rest.call('groups.create', { body: { name, device_ids: [deviceId] } })
      group_ids.push(group.id)
    }
    const { devices } = await t.rest.call('devices.list', {})
    const listed = devices.find(({ id }) => id === deviceId)
    expect(listed).toMatchObject({ approved: true, blocked: false, group_ids })
    expect(listed).toEqual(await t.rest.call('devices.get', { params: { id: deviceId } }))
  })
})

describe('a start that fails', () => {
  const log = pino({ level: 'silent' })
  const start = (options: { dataDir: string; hubPort?: number; recover?: 'start_over' }) =>
    startController({
      migrationsDir: MIGRATIONS_DIR,
      workersDir: TEST_WORKERS_DIR,
      rendererDir: null,
      version: '0',
      hubPort: 0,
      consolePort: 0,
      allowedOrigins: [],
      log,
      ...options,
    })

  it('names the data folder that another controller uses', async () => {
    await expect(start({ dataDir: t.dataDir })).rejects.toMatchObject({ code: 'E_DATA_LOCKED' })
  })
  it('names the port that is in use, and releases the data folder', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'deployx-port-'))
    await expect(start({ dataDir, hubPort: t.hub.port })).rejects.toMatchObject({
      code: 'E_PORT_IN_USE',
    })
    const controller = await start({ dataDir })
    await controller.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })
  it('names a data folder that is not writable', async () => {
    await expect(start({ dataDir: '/dev/null/data' })).rejects.toMatchObject({
      code: 'E_DATA_UNWRITABLE',
    })
  })
  it('moves a damaged database aside, says where, and starts fresh only when asked to', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'deployx-damaged-'))
    writeFileSync(
      join(dataDir, 'deployx.db'),
      'this is not a database, it only looks like a file '.repeat(100),
    )
    await expect(start({ dataDir })).rejects.toMatchObject({
      code: 'E_DATABASE_CORRUPT',
      message: expect.stringContaining('damaged-') as string,
    })
    await expect(start({ dataDir })).rejects.toMatchObject({ code: 'E_DATA_INCOMPLETE' })
    const controller = await start({ dataDir, recover: 'start_over' })
    await controller.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })
})
