/**
 * The controller's settings over REST and feed: who may change them, what is refused, stored and
 * sent.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  DEFAULT_SETTINGS,
  MAX_BANDWIDTH_KIB_S,
  type ControllerSettings,
} from '#shared/contract/rest/settings-routes.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

let t: TestController
beforeEach(async () => {
  t = await startTestController()
})
afterEach(() => t.stop())

async function technician(): Promise<RestClient> {
  const body = { username: 'tom', password: 'correct horse' }
  await t.rest.call('users.create', { body: { ...body, role: 'technician' } })
  const { token } = await t.anonymous.call('auth.login', { body })
  return createRestClient(t.controller.consoleUrl, token)
}

it('have their defaults until somebody changes them, and limit nothing', async () => {
  expect(await t.rest.call('settings.get', {})).toMatchObject(DEFAULT_SETTINGS)
  expect(DEFAULT_SETTINGS).toEqual({
    bandwidth_hub_kib_s: null,
    bandwidth_device_kib_s: null,
    work_on_battery: true,
    work_on_metered: true,
    agent_updates: 'automatic',
  })
})

it('change partially, and survive a restart of the controller', async () => {
  const changed = { bandwidth_hub_kib_s: 2048, work_on_battery: false }
  const after = { ...DEFAULT_SETTINGS, ...changed }
  expect(await t.rest.call('settings.update', { body: changed })).toMatchObject(after)
  await t.rest.call('settings.update', { body: { agent_updates: 'off' } })
  await t.restart()
  expect(await t.rest.call('settings.get', {})).toMatchObject({ ...after, agent_updates: 'off' })
  await t.rest.call('settings.update', { body: { bandwidth_hub_kib_s: null } })
  expect((await t.rest.call('settings.get', {})).bandwidth_hub_kib_s).toBeNull()
})

const REFUSED: unknown[] = [
  { bandwidth_hub_kib_s: 63 },
  { bandwidth_hub_kib_s: 100.5 },
  { bandwidth_hub_kib_s: '1024' },
  { bandwidth_device_kib_s: 0 },
  { bandwidth_device_kib_s: MAX_BANDWIDTH_KIB_S + 1 },
  { work_on_battery: 'no' },
  { work_on_metered: null },
  { agent_updates: 'sometimes' },
  { bandwidth_hub_kib_s: 1024, work_on_battery: 1 },
  [],
  null,
]
it('refuse values that are out of range or of another type, without storing anything', async () => {
  for (const body of REFUSED) {
    const { status } = await t.rest.raw('PATCH', '/settings', JSON.stringify(body))
    expect(status, JSON.stringify(body)).toBe(400)
    expect(await t.rest.call('settings.get', {})).toMatchObject(DEFAULT_SETTINGS)
  }
})

it('are readable by every signed-in user, and changed by administrators only', async () => {
  const tom = await technician()
  expect(await tom.call('settings.get', {})).toMatchObject(DEFAULT_SETTINGS)
  expect((await tom.raw('PATCH', '/settings', { work_on_battery: false })).status).toBe(403)
  expect((await t.anonymous.raw('GET', '/settings')).status).toBe(401)
  expect(await t.rest.call('settings.get', {})).toMatchObject(DEFAULT_SETTINGS)
})

it('write one audit entry with old and new values, and none if nothing changed', async () => {
  const body = { bandwidth_device_kib_s: 512, work_on_metered: false, agent_updates: 'automatic' }
  await t.rest.raw('PATCH', '/settings', body)
  await t.rest.raw('PATCH', '/settings', body)
  await t.rest.raw('PATCH', '/settings', {})
  const { entries } = await t.rest.call('audit.list', { query: { action: 'settings.update' } })
  expect(entries).toHaveLength(1)
  expect(entries[0]).toMatchObject({
    actor: 'anna',
    subject: 'the settings of the controller',
    details: 'limit of each PC in KiB/s: none to 512, work on metered networks: yes to no',
    data: {
      from: { bandwidth_device_kib_s: null, work_on_metered: true },
      to: { bandwidth_device_kib_s: 512, work_on_metered: false },
    },
  })
})

it('are sent to every open console', async () => {
  const received: ControllerSettings[] = []
  const feed = t.feed()
  feed.on('settings_updated', (body) => received.push(body))
  await expect.poll(() => feed.connected).toBe(true)
  await t.rest.call('settings.update', { body: { work_on_battery: false } })
  await expect.poll(() => received).toMatchObject([{ ...DEFAULT_SETTINGS, work_on_battery: false }])
})

it('skip invalid values in the database: only those get their default', async () => {
  await t.rest.call('settings.update', { body: { work_on_battery: false } })
  const database = new Database(join(t.dataDir, 'deployx.db'))
  const put = database.prepare('insert into settings (name, value) values (?, ?)')
  put.run('bandwidth_hub_kib_s', '"fast"')
  put.run('agent_updates', '{not JSON')
  put.run('of_a_newer_version', 'true')
  database.close()
  await t.restart()
  expect(await t.rest.call('settings.get', {})).toMatchObject({
    ...DEFAULT_SETTINGS,
    work_on_battery: false,
  })
})
