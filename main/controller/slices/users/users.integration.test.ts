/**
 * Who can sign in, for how long, and what ends a session: on a real controller, through REST and
 * the feed.
 */
import { io } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import type { User } from '#shared/contract/rest/users.ts'
import type { Session } from '#shared/contract/rest/routes.ts'
import { enrollSimAgent } from '../../test-kit/sim-agent.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type RestReply,
  type TestController,
} from '../../test-kit/test-controller.ts'

const PASSWORD = 'correct horse'
let t: TestController
beforeAll(async () => {
  t = await startTestController()
})
afterAll(() => t.stop())

const code = (reply: RestReply): [number, string] => [
  reply.status,
  (reply.body as { error: { code: string } }).error.code,
]
const signIn = (username: string, password = PASSWORD): Promise<Session> =>
  t.anonymous.call('auth.login', { body: { username, password } })
const client = (session: Session): RestClient =>
  createRestClient(t.controller.consoleUrl, session.token)
async function add(username: string, role: 'admin' | 'technician' = 'technician') {
  const user = await t.rest.call('users.create', { body: { username, password: PASSWORD, role } })
  const session = await signIn(username)
  return { user, session, rest: client(session) }
}
/** Resolves with the reason why the feed ended. */
async function feedOf(session: Session): Promise<Promise<string>> {
  const socket = io(t.controller.consoleUrl + CONSOLE_NAMESPACE, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    auth: { token: session.token },
  })
  const ended = new Promise<string>((resolve) => socket.on('disconnect', resolve))
  await new Promise<void>((resolve, reject) => {
    socket.on('connect', resolve)
    socket.on('connect_error', reject)
  })
  // Wrapped: an awaited promise would be awaited until it ends.
  return Promise.resolve({ ended } as never)
}
const listed = async (username: string): Promise<User | undefined> =>
  (await t.rest.call('users.list', {})).users.find((user) => user.username === username)

describe('access', () => {
  type Change = [string, (id: User['id']) => Promise<unknown>]
  const changes: Change[] = [
    ['disabled', (id) => t.rest.call('users.update', { params: { id }, body: { disabled: true } })],
    [
      'demoted',
      (id) => t.rest.call('users.update', { params: { id }, body: { role: 'technician' } }),
    ],
    ['given another password', (id) => t.rest.call('users.reset_password', { params: { id } })],
    [
      'signed out by an administrator',
      (id) => t.rest.call('users.end_sessions', { params: { id } }),
    ],
    ['removed', (id) => t.rest.call('users.delete', { params: { id } })],
  ]
  it.each(changes)(
    'ends immediately when a user is %s: token, refresh and feed',
    async (what, change) => {
      const { user, session, rest } = await add(`x-${what.replaceAll(' ', '-')}`, 'admin')
      const { ended } = (await feedOf(session)) as unknown as { ended: Promise<string> }
      expect((await rest.raw('GET', '/users')).status).toBe(200)
      await change(user.id)
      expect(await ended).toBe('io server disconnect')
      expect(code(await rest.raw('GET', '/users'))).toEqual([401, 'E_UNAUTHENTICATED'])
      const { refresh_token } = session
      expect(code(await t.anonymous.raw('POST', '/auth/refresh', { refresh_token }))).toEqual([
        401,
        'E_UNAUTHENTICATED',
      ])
    },
  )

  it('is refused to a disabled user, and the reason is shown only after the right password', async () => {
    const { user } = await add('dora')
    await t.rest.call('users.update', { params: { id: user.id }, body: { disabled: true } })
    const login = (password: string) =>
      t.anonymous.raw('POST', '/auth/login', { username: 'dora', password })
    expect(code(await login(PASSWORD))).toEqual([403, 'E_ACCOUNT_DISABLED'])
    expect(code(await login('wrong horse'))).toEqual([401, 'E_CREDENTIALS'])
    await t.rest.call('users.update', { params: { id: user.id }, body: { disabled: false } })
    expect((await login(PASSWORD)).status).toBe(200)
  })

  it('is kept by at least one administrator, whatever is tried', async () => {
    const { users } = await t.rest.call('users.list', {})
    const anna = users.find((user) => user.username === 'anna')!
    for (const other of users.filter((u) => u.role === 'admin' && u.id !== anna.id))
      await t.rest.call('users.update', { params: { id: other.id }, body: { disabled: true } })
    const path = `/users/${anna.id}`
    for (const reply of [
      await t.rest.raw('PATCH', path, { disabled: true }),
      await t.rest.raw('PATCH', path, { role: 'technician' }),
      await t.rest.raw('DELETE', path),
    ])
      expect(code(reply)).toEqual([409, 'E_ILLEGAL_STATE'])
    expect(await listed('anna')).toMatchObject({ role: 'admin', disabled: false })
  })
})

describe('a password', () => {
  it.each([
    ['the user name', 'benjamin', 'Benjamin'],
    ['among the commonest', 'eve', 'Password1'],
    ['too short', 'eve', 'seven77'],
    ['one letter over and over', 'eve', 'aaaaaaaaaa'],
  ])('is refused if it is %s', async (_what, username, password) => {
    const reply = await t.rest.raw('POST', '/users', { username, password, role: 'technician' })
    expect(code(reply)).toEqual([400, 'E_VALIDATION'])
    expect(reply.body).toMatchObject({ error: { details: [{ path: '/password' }] } })
  })

  it('is changed by its owner with the old one, which ends their other sessions but not this one', async () => {
    const { rest, session } = await add('fred')
    const other = client(await signIn('fred'))
    const change = (old_password: string) =>
      rest.raw('POST', '/auth/password', { old_password, new_password: 'another horse' })
    expect(code(await change('wrong horse'))).toEqual([403, 'E_OLD_PASSWORD'])
    expect((await other.raw('GET', '/auth/me')).status).toBe(200)
    expect((await change(PASSWORD)).status).toBe(200)
    expect((await rest.raw('GET', '/auth/me')).status).toBe(200)
    expect((await other.raw('GET', '/auth/me')).status).toBe(401)
    expect(session.user.must_change_password).toBe(false)
    await signIn('fred', 'another horse')
  })

  it('that an administrator has set allows nothing but choosing another', async () => {
    const { user } = await add('gina')
    const { password } = await t.rest.call('users.reset_password', { params: { id: user.id } })
    expect(password).toMatch(/^([a-z2-9]{4}-){3}[a-z2-9]{4}$/)
    const session = await signIn('gina', password)
    expect(session.user.must_change_password).toBe(true)
    const gina = client(session)
    expect(code(await gina.raw('GET', '/devices'))).toEqual([403, 'E_PASSWORD_CHANGE_NEEDED'])
    expect(code(await gina.raw('POST', '/enrollments', {}))).toEqual([
      403,
      'E_PASSWORD_CHANGE_NEEDED',
    ])
    await expect(feedOf(session)).rejects.toThrow('E_PASSWORD_CHANGE_NEEDED')
    const body = { old_password: password, new_password: PASSWORD }
    expect((await gina.call('auth.password', { body })).must_change_password).toBe(false)
    expect((await gina.raw('GET', '/devices')).status).toBe(200)
  })

  it('cannot be changed by its owner without the old one, not even by an administrator', async () => {
    const anna = (await t.rest.call('auth.me', {})).id
    for (const [method, path, body] of [
      ['PATCH', `/users/${anna}`, { password: 'another horse' }],
      ['POST', `/users/${anna}/reset-password`, undefined],
    ] as const)
      expect(code(await t.rest.raw(method, path, body))).toEqual([409, 'E_ILLEGAL_STATE'])
  })
})

describe('a session', () => {
  it('ends when its refresh token is used twice, for the thief and for the owner', async () => {
    const { session } = await add('hugo')
    const { ended } = (await feedOf(session)) as unknown as { ended: Promise<string> }
    const { refresh_token } = session
    const renewed = await t.anonymous.call('auth.refresh', { body: { refresh_token } })
    expect((await t.anonymous.raw('POST', '/auth/refresh', { refresh_token })).status).toBe(401)
    expect(await ended).toBe('io server disconnect')
    expect((await client(renewed).raw('GET', '/auth/me')).status).toBe(401)
    const { refresh_token: next } = renewed
    expect((await t.anonymous.raw('POST', '/auth/refresh', { refresh_token: next })).status).toBe(
      401,
    )
    const { entries } = await t.rest.call('audit.list', {
      query: { action: 'user.session_reused' },
    })
    expect(entries).toMatchObject([{ actor: 'hugo', address: '127.0.0.1', outcome: 'refused' }])
  })

  it('is listed to its user with its address, and can be ended individually', async () => {
    const { rest, user } = await add('ines')
    const other = client(await signIn('ines'))
    const { sessions } = await rest.call('auth.sessions', {})
    expect(sessions).toHaveLength(2)
    expect(sessions.map((session) => session.current).sort()).toEqual([false, true])
    expect(sessions[0]).toMatchObject({
      address: '127.0.0.1',
      client: expect.any(String) as string,
    })
    expect(await listed('ines')).toMatchObject({ session_count: 2 })
    const { id } = sessions.find((session) => !session.current)!
    expect((await t.rest.raw('DELETE', `/auth/sessions/${id}`)).status).toBe(404) // not anna's
    await rest.call('auth.end_session', { params: { id } })
    expect((await other.raw('GET', '/auth/me')).status).toBe(401)
    expect((await rest.raw('GET', '/auth/me')).status).toBe(200)
    expect(user.last_login_at).toBeNull()
    expect((await listed('ines'))?.last_login_at).not.toBeNull()
  })
})

describe('a removed user', () => {
  async function withThings(username: string) {
    const { rest, user } = await add(username)
    const { code: enrollment, id: codeId } = await rest.call('enrollments.create', {
      body: { max_uses: 3 },
    })
    const { deviceId } = await enrollSimAgent(t.hub, enrollment, `${username}-PC`)
    await rest.call('groups.create', { body: { name: username, device_ids: [deviceId] } })
    const uploaded = await rest.upload('/software', { name: 'tool.sh', bytes: '#!/bin/sh\n' })
    const { id: software } = uploaded.body as { id: number }
    await rest.raw('POST', '/deployments/create', {
      name: username,
      software_ids: [software],
      device_ids: [deviceId],
      scheduled_at: '2099-01-01T00:00:00Z',
    })
    return { user, deviceId, codeId, enrollment }
  }
  it('leaves what they owned to administrators, and their codes admit nothing', async () => {
    const { user, deviceId, enrollment } = await withThings('karl')
    expect(await t.rest.call('users.holdings', { params: { id: user.id } })).toEqual({
      devices: 1,
      groups: 1,
      software: 1,
      deployments: 1,
      active_deployments: 1,
      enrollments: 1,
    })
    await t.rest.call('users.delete', { params: { id: user.id } })
    const device = await t.rest.call('devices.get', { params: { id: deviceId } })
    expect(device.owner_id).toBeNull()
    await expect(enrollSimAgent(t.hub, enrollment, 'LATE')).rejects.toThrow('E_ENROLLMENT_CODE')
  })
  it('hands everything over to another user on request', async () => {
    const { user, deviceId, codeId } = await withThings('lena')
    const { user: newOwner, rest } = await add('mona')
    const path = `/users/${user.id}?transfer_to=`
    for (const wrong of [user.id, 999_999])
      expect(code(await t.rest.raw('DELETE', path + String(wrong)))).toEqual([400, 'E_VALIDATION'])
    expect((await t.rest.raw('DELETE', path + String(newOwner.id))).status).toBe(200)
    expect((await rest.call('devices.list', {})).devices.map((d) => d.id)).toEqual([deviceId])
    expect((await rest.call('groups.list', {})).groups).toHaveLength(1)
    expect((await rest.call('software.list', {})).software.map((s) => s.owner_id)).toContain(
      newOwner.id,
    )
    expect((await rest.call('deployments.list', {})).total).toBe(1)
    expect((await rest.call('enrollments.list', {})).enrollments.map((e) => e.id)).toEqual([codeId])
    expect((await rest.call('stats.get', {})).devices.total).toBe(1)
  })
})

describe('guessing', () => {
  let own: TestController
  beforeAll(async () => {
    own = await startTestController()
  })
  afterAll(() => own.stop())
  const guess = (username: string) =>
    own.anonymous.raw('POST', '/auth/login', { username, password: 'guess guess' })

  it('takes as long for an unknown name as for a wrong password', async () => {
    const fastestMs = async (names: string[]): Promise<number> => {
      const times: number[] = []
      for (const name of names) {
        const startMs = performance.now()
        expect(code(await guess(name))).toEqual([401, 'E_CREDENTIALS'])
        times.push(performance.now() - startMs)
      }
      return Math.min(...times)
    }
    const known = await fastestMs(['anna', 'anna', 'anna'])
    // Without deriving a key for unknown names it would be a hundredth of it.
    expect(await fastestMs(['nobody', 'no-one', 'none'])).toBeGreaterThan(known / 3)
  })
  it('has to wait longer and longer, with the time shown; others can sign in meanwhile', async () => {
    await own.rest.call('users.create', {
      body: { username: 'nora', password: PASSWORD, role: 'technician' },
    })
    let refused: RestReply | undefined
    for (let i = 0; i < 8 && refused?.status !== 429; i++) refused = await guess('nora')
    expect(code(refused!)).toEqual([429, 'E_RATE_LIMITED'])
    expect(Number(refused!.headers.get('retry-after'))).toBeGreaterThan(0)
    const body = { username: 'anna', password: PASSWORD }
    expect((await own.anonymous.call('auth.login', { body })).user.username).toBe('anna')
  })
})
