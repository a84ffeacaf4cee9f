/** The controller neither reads nor encodes changes that no connected console may receive. */
import Database from 'better-sqlite3'
import { io, type Socket } from 'socket.io-client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import { until } from '#shared/test-kit/until.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const TECHNICIAN = { username: 'tom', password: 'correct horse' }
let t: TestController
let socket: Socket | null
/** The SQL of each statement that read a list of rows, once for each time it ran. */
let read: string[]
beforeEach(async () => {
  t = await startTestController()
  socket = null
  read = []
  const other = new Database(':memory:')
  const prototype = Object.getPrototypeOf(other.prepare('select 1')) as Database.Statement
  other.close()
  const all = Reflect.get(prototype, 'all')
  vi.spyOn(prototype, 'all').mockImplementation(function (this: Database.Statement, ...values) {
    read.push(this.source)
    return all.apply(this, values)
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  socket?.disconnect()
  await t.stop()
})

async function listen(token: string): Promise<string[]> {
  const received: string[] = []
  const opened = io(t.controller.consoleUrl + CONSOLE_NAMESPACE, {
    ...{ transports: ['websocket'], forceNew: true, reconnection: false, auth: { token } },
  })
  socket = opened
  opened.onAny((name: string) => received.push(name))
  await new Promise<void>((resolve) => opened.once('connect', resolve))
  return received
}
/** Changes a deployment, then a device of the administrator; forgets what was received before the latter. */
async function change(received: string[]): Promise<void> {
  const { deviceId } = await t.enroll('PC-1')
  const { id } = await t.addScript('tool')
  await t.rest.call('deployments.create', {
    body: { name: 'Tool', software_ids: [id], device_ids: [deviceId], offline_policy: 'wait' },
  })
  received.length = 0
  await t.rest.call('devices.update', { params: { id: deviceId }, body: { name: 'Desk' } })
}
const views = () => read.filter((sql) => /select t\.id, t\.device_id, t\.software_id/.test(sql))

it('describes targets to a console that may see them', async () => {
  const received = await listen(t.session.token)
  await change(received)
  await until('the frame with the change arrived', () => received.includes('device_updated'))
  expect(views().length).toBeGreaterThan(0)
})

it('reads no targets if the only connected console belongs to a technician who may not see them', async () => {
  await t.rest.call('users.create', { body: { ...TECHNICIAN, role: 'technician' } })
  const { token } = await t.anonymous.call('auth.login', { body: TECHNICIAN })
  const received = await listen(token)
  await change(received)
  // The frame of the device's change, which follows those of the deployment.
  await until('a frame arrived', () => received.includes('hub_updated'))
  expect(views()).toEqual([])
  expect(received).not.toContain('deployment_updated')
})

it('reads no targets for the desktop app, which only counts what has changed', async () => {
  let changes = 0
  const named: string[] = []
  const unsubscribe = t.controller.subscribe({
    deployment_completed: () => undefined,
    deployment_paused: () => undefined,
    deployment_updated: ({ name }) => named.push(name),
    hub_updated: () => undefined,
    changed: () => changes++,
  })
  await change([])
  await until('the deployment was reported', () => named.includes('Tool'))
  await until('a change was reported', () => changes > 0)
  unsubscribe()
  expect(views()).toEqual([])
})
