/** The feed over HTTP long polling: for consoles whose WebSockets are blocked, under the same rules. */
import { io, type Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

const DESKTOP = 'app://deployx'
let t: TestController
const sockets: Socket[] = []
beforeAll(async () => {
  t = await startTestController({ allowedOrigins: [DESKTOP] })
})
afterEach(() => sockets.splice(0).forEach((socket) => socket.disconnect()))
afterAll(() => t.stop())

function open(token: string): Socket {
  const socket = io(t.controller.consoleUrl + CONSOLE_NAMESPACE, {
    transports: ['polling'],
    forceNew: true,
    reconnection: false,
    auth: { token },
  })
  sockets.push(socket)
  return socket
}
const nextEvent = (socket: Socket, name: string): Promise<unknown> =>
  new Promise((resolve) => socket.once(name, resolve))
const poll = (query: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${t.controller.consoleUrl}/socket.io/?EIO=4&transport=polling${query}`, {
    headers,
    signal: AbortSignal.timeout(EVENT_LIMIT_MS),
  })
const sidOf = async (response: Response): Promise<string> =>
  (JSON.parse((await response.text()).slice(1)) as { sid: string }).sid

it('delivers events, and ends with the session', async () => {
  const account = { username: 'anna', password: 'correct horse' }
  const session = await t.anonymous.call('auth.login', { body: account })
  const socket = open(session.token)
  await nextEvent(socket, 'connect')
  expect(socket.io.engine.transport.name).toBe('polling')
  const event = nextEvent(socket, 'settings_updated')
  const work_on_battery = !(await t.rest.call('settings.get', {})).work_on_battery
  await t.rest.call('settings.update', { body: { work_on_battery } })
  expect(await event).toMatchObject({ work_on_battery })
  const cut = nextEvent(socket, 'disconnect')
  await t.rest.call('auth.logout_all', {})
  expect(await cut).toBe('io server disconnect')
})

it('refuses connections without a session', async () => {
  const socket = open('x')
  const error = (await nextEvent(socket, 'connect_error')) as Error
  expect(error.message).toBe('E_UNAUTHENTICATED')
})

it('refuses foreign pages and foreign names, even on an existing connection', async () => {
  const evil = { origin: 'https://evil.example' }
  expect((await poll('', evil)).status).toBe(400)
  const sid = await sidOf(await poll('', { origin: t.controller.consoleUrl }))
  expect((await poll(`&sid=${sid}`, evil)).status).toBe(400)
})

it('lets the page of the desktop app read the polls, and no other page', async () => {
  const ours = await poll('', { origin: DESKTOP })
  expect(ours.headers.get('access-control-allow-origin')).toBe(DESKTOP)
  const own = await poll('')
  expect([own.status, own.headers.get('access-control-allow-origin')]).not.toContain('*')
})

it('limits the connections that have not signed in', async () => {
  const statuses: number[] = []
  for (let round = 0; round < 260; round += 20)
    statuses.push(
      ...(await Promise.all(Array.from({ length: 20 }, async () => (await poll('')).status))),
    )
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(200)
  expect(statuses).toContain(403)
})
