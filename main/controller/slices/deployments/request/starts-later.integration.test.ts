/** A deployment that starts later reaches the members its groups have then, and protects what it needs from deletion. */
import Database from 'better-sqlite3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { DeploymentId, DeviceId, GroupId } from '#shared/domain/ids.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../../test-kit/test-controller.ts'

let t: TestController
let software: number
let group: GroupId
let pcs: DeviceId[]

beforeAll(async () => {
  t = await startTestController({
    timings: { engine: { heartbeatMs: 50 }, presence: { connectGraceMs: 0, offlineAfterMs: 0 } },
  })
  software = (await t.addScript('tool')).id
  pcs = []
  for (const name of ['PC-1', 'PC-2', 'PC-3', 'PC-4']) pcs.push((await t.enroll(name)).deviceId)
})
afterAll(() => t.stop())
let count = 0
beforeEach(async () => {
  const made = await t.rest.call('groups.create', {
    body: { name: `Kasse ${++count}`, device_ids: [pcs[0]!, pcs[1]!] },
  })
  group = made.id
})

const create = async (more: object = {}): Promise<DeploymentId> =>
  (
    await t.rest.call('deployments.create', {
      body: {
        name: `Later ${count}`,
        software_ids: [software as never],
        group_ids: [group],
        scheduled_at: new Date(Date.now() + 3_600_000).toISOString(),
        offline_policy: 'wait',
        ...more,
      },
    })
  ).deployment_id
const get = (id: DeploymentId) => t.rest.call('deployments.get', { params: { id } })
const devicesOf = async (id: DeploymentId) => {
  const { targets } = await t.rest.call('deployments.progress', { params: { id } })
  return targets.map((target) => target.device_id).sort((a, b) => a - b)
}
const change = (body: { add_device_ids?: DeviceId[]; remove_device_ids?: DeviceId[] }) =>
  t.rest.call('groups.update', { params: { id: group }, body })
/** Moves its start time to now. */
async function begin(id: DeploymentId): Promise<void> {
  const db = new Database(`${t.dataDir}/deployx.db`)
  const past = new Date(Date.now() - 1_000).toISOString()
  db.prepare('update deployments set scheduled_at = ? where id = ?').run(past, id)
  db.close()
  await expect.poll(async () => (await get(id)).started_at).not.toBeNull()
}

describe('a scheduled deployment', () => {
  it('shows a preview that follows its groups', async () => {
    const id = await create()
    expect(await get(id)).toMatchObject({ targets_are_preview: true, device_count: 2 })
    await change({ add_device_ids: [pcs[2]!], remove_device_ids: [pcs[0]!] })
    expect(await devicesOf(id)).toEqual([pcs[1], pcs[2]])
    expect(await get(id)).toMatchObject({ device_count: 2, counts: { total: 2, pending: 2 } })
    await change({ remove_device_ids: [pcs[1]!, pcs[2]!] })
    expect(await get(id)).toMatchObject({
      device_count: 0,
      counts: { total: 0 },
      status: 'pending',
    })
  })

  it('reaches the members its groups have at the start, and nobody who has left', async () => {
    const id = await create({ device_ids: [pcs[3]!] })
    await change({ add_device_ids: [pcs[2]!], remove_device_ids: [pcs[0]!] })
    await begin(id)
    expect(await devicesOf(id)).toEqual([pcs[1], pcs[2], pcs[3]])
    expect(await get(id)).toMatchObject({ targets_are_preview: false, device_count: 3 })
    // Once it has started, changes to groups no longer matter.
    await change({ add_device_ids: [pcs[0]!] })
    expect(await devicesOf(id)).toEqual([pcs[1], pcs[2], pcs[3]])
    const { entries } = await t.rest.call('audit.list', { query: { action: 'deployment.start' } })
    expect(entries[0]).toMatchObject({ deployment_id: id })
  })

  it('reaches the current members even if the controller was off while the group changed', async () => {
    const id = await create()
    const db = new Database(`${t.dataDir}/deployx.db`)
    db.prepare('delete from device_group_members where group_id = ? and device_id = ?').run(
      group,
      pcs[0],
    )
    db.close()
    await t.restart()
    await begin(id)
    expect(await devicesOf(id)).toEqual([pcs[1]])
  })

  it('cuts its waves at the start', async () => {
    const id = await create({ strategy_type: 'rolling', strategy: { batch_size: 1 } })
    expect((await get(id)).wave_count).toBe(2)
    await change({ add_device_ids: [pcs[2]!, pcs[3]!] })
    await begin(id)
    expect((await get(id)).wave_count).toBe(4)
    const { targets } = await t.rest.call('deployments.progress', { params: { id } })
    expect(targets.map(({ wave }) => wave).sort()).toEqual([1, 2, 3, 4])
  })

  it('keeps its targets when nothing has changed', async () => {
    const id = await create()
    const ids = async () =>
      (await t.rest.call('deployments.progress', { params: { id } })).targets.map((x) => x.id)
    const before = await ids()
    await begin(id)
    expect(await ids()).toEqual(before)
  })

  it('ends without doing anything when its groups are empty', async () => {
    const id = await create()
    await change({ remove_device_ids: [pcs[0]!, pcs[1]!] })
    await begin(id)
    await expect.poll(async () => (await get(id)).status).toBe('completed')
    expect((await get(id)).counts.total).toBe(0)
  })

  it('does not reach a PC of a group that its owner may not see', async () => {
    const password = 'correct horse'
    await t.rest.call('users.create', { body: { username: 'ben', password, role: 'technician' } })
    const { token } = await t.anonymous.call('auth.login', { body: { username: 'ben', password } })
    const ben: RestClient = createRestClient(t.controller.consoleUrl, token)
    const { code } = await ben.call('enrollments.create', { body: {} })
    const { enrollSimAgent } = await import('../../../test-kit/sim-agent.ts')
    const own = (await enrollSimAgent(t.hub, code, 'BENS-PC')).deviceId
    const ofBen = await ben.call('groups.create', { body: { name: 'bens', device_ids: [own] } })
    const { deployment_id: id } = await ben.call('deployments.create', {
      body: {
        name: 'bens',
        software_ids: [software as never],
        group_ids: [ofBen.id],
        scheduled_at: new Date(Date.now() + 3_600_000).toISOString(),
      },
    })
    // An administrator adds a PC that does not belong to the owner.
    await t.rest.call('groups.update', {
      params: { id: ofBen.id },
      body: { add_device_ids: [pcs[0]!] },
    })
    await begin(id)
    expect(await devicesOf(id)).toEqual([own])
  })
})

describe('what a scheduled deployment needs', () => {
  it('cannot be deleted, and the refusal names the deployment', async () => {
    const id = await create()
    const inUse = { status: 409, body: { error: { code: 'E_IN_USE' } } }
    for (const path of [`/groups/${group}`, `/software/${software}`]) {
      const reply = await t.rest.raw('DELETE', path)
      expect(reply).toMatchObject(inUse)
      expect(JSON.stringify(reply.body)).toContain(`Later ${count}`)
    }
    // Also while its preview is empty.
    await change({ remove_device_ids: [pcs[0]!, pcs[1]!] })
    expect(await t.rest.raw('DELETE', `/software/${software}`)).toMatchObject(inUse)
    await t.rest.call('deployments.cancel', { params: { id } })
    await expect.poll(async () => (await get(id)).status).toBe('canceled')
    expect((await t.rest.raw('DELETE', `/groups/${group}`)).status).toBe(200)
  })
})

describe('a deployment that starts immediately', () => {
  it('reaches the PCs it was created for', async () => {
    const id = await create({ scheduled_at: undefined })
    expect(await get(id)).toMatchObject({ targets_are_preview: false })
    await change({ add_device_ids: [pcs[2]!] })
    expect(await devicesOf(id)).toEqual([pcs[0], pcs[1]])
    expect((await t.rest.raw('DELETE', `/groups/${group}`)).status).toBe(200)
  })
})

describe('the name of a removed user', () => {
  it('stays on the deployments they created', async () => {
    const password = 'correct horse'
    const user = await t.rest.call('users.create', {
      body: { username: 'cleo', password, role: 'admin' },
    })
    const { token } = await t.anonymous.call('auth.login', { body: { username: 'cleo', password } })
    const cleo = createRestClient(t.controller.consoleUrl, token)
    const { deployment_id: id } = await cleo.call('deployments.create', {
      body: { name: 'cleos', software_ids: [software as never], device_ids: [pcs[0]!] },
    })
    const code = await cleo.call('enrollments.create', { body: {} })
    const uploaded = await cleo.upload('/software', { name: 'cleos.sh', bytes: '#!/bin/sh\n#c\n' })
    const path = `/users/${user.id}`
    expect((await t.rest.raw('PATCH', path, { username: 'Cleo B'.replace(' ', '-') })).status).toBe(
      200,
    )
    expect((await get(id)).created_by_name).toBe('Cleo-B')
    expect((await t.rest.raw('DELETE', path)).status).toBe(200)
    expect(await get(id)).toMatchObject({ created_by: null, created_by_name: 'Cleo-B' })
    const { deployments } = await t.rest.call('deployments.list', { query: {} })
    expect(deployments.find((d) => d.id === id)?.created_by_name).toBe('Cleo-B')
    const { enrollments } = await t.rest.call('enrollments.list', {})
    expect(enrollments.find((e) => e.id === code.id)?.created_by_name).toBe('Cleo-B')
    const library = (await t.rest.call('software.list', {})).software
    const { id: softwareId } = uploaded.body as { id: number }
    expect(library.find((s) => (s.id as number) === softwareId)?.created_by_name).toBe('Cleo-B')
  })
})
