/** PCs that are renamed, and PCs that are reinstalled and enrol again. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { SimAgent, SimIdentity } from '../test-kit/sim-agent.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../test-kit/test-controller.ts'

let t: TestController
let software: number
beforeAll(async () => {
  t = await startTestController({
    timings: { engine: { heartbeatMs: 50 }, presence: { connectGraceMs: 0, offlineAfterMs: 0 } },
  })
  software = (await t.addScript('tool')).id
})
afterAll(() => t.stop())

const hardware = (name: string): string => createHash('sha256').update(name).digest('hex')
const get = (id: DeviceId) => t.rest.call('devices.get', { params: { id } })
async function leave(agent: SimAgent, { deviceId }: SimIdentity): Promise<void> {
  agent.close()
  await expect.poll(async () => (await get(deviceId)).online).toBe(false)
}
/** A PC that enrolled, connected and disconnected. */
async function gone(name: string, hardwareId: string): Promise<SimIdentity> {
  const identity = await t.enroll(name)
  await leave(await t.connect(identity, { hardwareId: hardware(hardwareId) }), identity)
  return identity
}
async function arrives(name: string, hardwareId: string): Promise<SimIdentity> {
  const identity = await t.enroll(name)
  await t.connect(identity, { hardwareId: hardware(hardwareId) })
  return identity
}
const takeOver = (id: DeviceId, from: DeviceId) =>
  t.rest.raw('POST', `/devices/${id}/take-over`, { from_device_id: from })

describe('a PC that is renamed', () => {
  it('is shown under its new name, and the audit log keeps both', async () => {
    const pc = await t.enroll('DESKTOP-4F7K2')
    await leave(await t.connect(pc), pc)
    const { version } = await get(pc.deviceId)
    await t.connect(pc, { facts: () => ({ name: 'ANNA-BUERO' }) })
    expect(await get(pc.deviceId)).toMatchObject({
      name: 'ANNA-BUERO',
      reported_name: 'ANNA-BUERO',
      version: version + 1,
    })
    const { entries } = await t.rest.call('audit.list', {
      query: { device_id: pc.deviceId, action: 'device.rename' },
    })
    expect(entries).toHaveLength(1)
    expect(entries[0]).toMatchObject({ data: { from: 'DESKTOP-4F7K2', to: 'ANNA-BUERO' } })
  })

  it('keeps the name that a user gave it, until that is undone', async () => {
    const pc = await t.enroll('PC-A')
    const path = `/devices/${pc.deviceId}`
    expect((await t.rest.raw('PATCH', path, { name: 'Front desk' })).status).toBe(200)
    const { version } = await get(pc.deviceId)
    await t.connect(pc, { facts: () => ({ name: 'PC-B' }) })
    expect(await get(pc.deviceId)).toMatchObject({
      ...{ name: 'Front desk', reported_name: 'PC-B', version },
    })
    expect((await t.rest.raw('PATCH', path, { name: null })).body).toMatchObject({ name: 'PC-B' })
  })
})

describe('a reinstalled PC', () => {
  it('is proposed, and takes over groups, history and name once a user confirms', async () => {
    const old = await gone('KASSE-1', 'hardware-1')
    const { id: group } = await t.rest.call('groups.create', {
      body: { name: 'Kassen', device_ids: [old.deviceId] },
    })
    await t.rest.call('devices.update', {
      params: { id: old.deviceId },
      body: { name: 'Kasse vorn' },
    })
    const body = { software_ids: [software as never], device_ids: [old.deviceId] }
    const failed = await t.rest.call('deployments.create', { body: { ...body, name: 'ended' } })
    const scheduled_at = new Date(Date.now() + 3_600_000).toISOString()
    const later = await t.rest.call('deployments.create', {
      body: { ...body, name: 'later', scheduled_at },
    })
    const ended = { params: { id: failed.deployment_id } }
    await expect
      .poll(async () => (await t.rest.call('deployments.get', ended)).status)
      .toBe('failed')

    const pc = await arrives('kasse-1', 'hardware-1')
    expect((await get(pc.deviceId)).reinstall_of).toBe(old.deviceId)
    // Nothing happens automatically.
    const membersOf = async () =>
      (await t.rest.call('groups.list', {})).groups.find((g) => g.id === group)?.device_ids
    expect(await membersOf()).toEqual([old.deviceId])

    expect((await takeOver(pc.deviceId, old.deviceId)).body).toMatchObject({
      name: 'Kasse vorn',
      group_ids: [group],
      reinstall_of: null,
    })
    expect(await membersOf()).toEqual([pc.deviceId])
    expect((await t.rest.raw('GET', `/devices/${old.deviceId}`)).status).toBe(404)
    for (const { deployment_id: id } of [failed, later]) {
      const { targets } = await t.rest.call('deployments.progress', { params: { id } })
      expect(targets.map((target) => target.device_id)).toEqual([pc.deviceId])
    }
    // The histories are joined: entries about the old row are found under the new one.
    const { entries } = await t.rest.call('audit.list', { query: { device_id: pc.deviceId } })
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['device.take_over', 'device.rename', 'deployment.create']),
    )
    expect(entries.filter(({ action }) => action === 'device.enroll')).toHaveLength(2)
    // It executes what was waiting for it.
    const retry = await t.rest.raw('POST', `/deployments/${failed.deployment_id}/retry`, {})
    expect(retry.status).toBe(200)
    expect((await takeOver(pc.deviceId, old.deviceId)).status).toBe(404)
  })

  it('gets what was waiting for the old entry', async () => {
    const old = await gone('LAGER-1', 'hardware-7')
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: {
        name: 'waits',
        software_ids: [software as never],
        device_ids: [old.deviceId],
        offline_policy: 'wait',
      },
    })
    const pc = await t.enroll('LAGER-1')
    const agent = await t.connect(pc, { hardwareId: hardware('hardware-7') })
    expect((await takeOver(pc.deviceId, old.deviceId)).status).toBe(200)
    await expect.poll(() => agent.commands.length).toBe(1)
    expect(agent.commands[0]).toMatchObject({ device_id: pc.deviceId, deployment_id: id })
  })

  it.each([
    ['other hardware', 'KASSE-2', 'hardware-3'],
    ['another name', 'KASSE-9', 'hardware-2'],
  ])('is not proposed with %s', async (_what, name, hardwareId) => {
    const old = await gone('KASSE-2', 'hardware-2')
    const pc = await arrives(name, hardwareId)
    expect((await get(pc.deviceId)).reinstall_of).toBeNull()
    expect(await takeOver(pc.deviceId, old.deviceId)).toMatchObject({
      status: 409,
      body: { error: { code: 'E_ILLEGAL_STATE' } },
    })
    for (const { deviceId } of [old, pc])
      await t.rest.call('devices.delete', { params: { id: deviceId } })
  })

  it('is not proposed while the old one is online, or if both were online at the same time', async () => {
    const old = await t.enroll('KASSE-4')
    const agent = await t.connect(old, { hardwareId: hardware('hardware-4') })
    const pc = await arrives('KASSE-4', 'hardware-4')
    expect((await get(pc.deviceId)).reinstall_of).toBeNull()
    expect((await takeOver(pc.deviceId, old.deviceId)).status).toBe(409)
    agent.close()
  })

  it('is not proposed again once a user has declared them to be two PCs', async () => {
    const old = await gone('KASSE-5', 'hardware-5')
    const pc = await arrives('KASSE-5', 'hardware-5')
    const keep = `/devices/${pc.deviceId}/keep-both`
    const body = { from_device_id: old.deviceId }
    expect((await t.rest.raw('POST', keep, body)).body).toMatchObject({ reinstall_of: null })
    expect((await takeOver(pc.deviceId, old.deviceId)).status).toBe(409)
    const { entries } = await t.rest.call('audit.list', { query: { action: 'device.keep_both' } })
    expect(entries).toHaveLength(1)
  })

  it('takes over nothing from a PC of another owner', async () => {
    const old = await gone('KASSE-6', 'hardware-6')
    const password = 'correct horse'
    await t.rest.call('users.create', { body: { username: 'ben', password, role: 'technician' } })
    const { token } = await t.anonymous.call('auth.login', { body: { username: 'ben', password } })
    const ben = createRestClient(t.controller.consoleUrl, token)
    const { code } = await ben.call('enrollments.create', { body: {} })
    const { enrollSimAgent } = await import('../test-kit/sim-agent.ts')
    const pc = await enrollSimAgent(t.hub, code, 'KASSE-6')
    await t.connect(pc, { hardwareId: hardware('hardware-6') })
    const from = { from_device_id: old.deviceId }
    expect((await ben.raw('POST', `/devices/${pc.deviceId}/take-over`, from)).status).toBe(404)
    // An administrator may; the PC then belongs to the old owner.
    expect((await takeOver(pc.deviceId, old.deviceId)).status).toBe(200)
    expect((await ben.raw('GET', `/devices/${pc.deviceId}`)).status).toBe(404)
  })
})
