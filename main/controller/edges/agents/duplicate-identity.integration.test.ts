/**
 * Clones of one disk, against the real controller: both are detected, one keeps the identity, the
 * other becomes a separate device.
 */
import { request } from 'node:https'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import type { AuditEntry } from '#shared/contract/rest/audit.ts'
import type { Device } from '#shared/contract/rest/devices.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { eventually } from '../../test-kit/scenario.ts'
import {
  connectSimAgent,
  newSimKey,
  type SimAgent,
  type SimIdentity,
} from '../../test-kit/sim-agent.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

let t: TestController
let identity: SimIdentity
let open: SimAgent[]
beforeEach(async () => {
  t = await startTestController({
    timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 } },
  })
  identity = await t.enroll('PC-12')
  open = []
})
afterEach(async () => {
  for (const agent of open) agent.close()
  await t.stop()
})

type Options = Parameters<typeof connectSimAgent>[2]
/** Connects; the test observes the outcome. */
function link(hardwareId: string | null, options: Options = {}, as = identity): SimAgent {
  const agent = connectSimAgent(t.hub, as, { ...(hardwareId && { hardwareId }), ...options })
  open.push(agent)
  return agent
}
const devices = async (): Promise<Device[]> => (await t.rest.call('devices.list', {})).devices
const deviceOf = (id: DeviceId): Promise<Device> => t.rest.call('devices.get', { params: { id } })
const audit = async (action: string): Promise<AuditEntry[]> =>
  (await t.rest.call('audit.list', { query: { limit: 200 } })).entries.filter(
    (entry) => entry.action === action,
  )
/** Connects and disconnects, as a PC that is switched off. */
async function visit(hardwareId: string | null, as = identity): Promise<void> {
  const agent = link(hardwareId, {}, as)
  await agent.welcomed
  await leave(agent, as)
}
async function leave(agent: SimAgent, as = identity): Promise<void> {
  await eventually('it is online', async () => (await deviceOf(as.deviceId)).online)
  agent.close()
  await eventually('it is offline', async () => !(await deviceOf(as.deviceId)).online)
}
/** Becomes a separate device, without being welcomed on the way. */
async function becomesAnother(agent: SimAgent): Promise<SimIdentity> {
  let wasWelcomed = false
  void agent.welcomed.then(
    () => (wasWelcomed = true),
    () => undefined,
  )
  const other = await agent.split
  expect(wasWelcomed).toBe(false)
  expect(other.deviceId).not.toBe(identity.deviceId)
  return other
}
async function deploy(...ids: DeviceId[]) {
  const software = await t.addScript(`tool ${Math.random()}`)
  const { deployment_id: id } = await t.rest.call('deployments.create', {
    body: { name: 'tool', software_ids: [software.id], device_ids: ids },
  })
  return id
}
const targetsOf = async (id: Awaited<ReturnType<typeof deploy>>) =>
  (await t.rest.call('deployments.progress', { params: { id } })).targets

/** Status of a GET at the hub. */
const statusOf = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const call = request(url, { ca: t.hub.cert, servername: 'deployx.invalid' }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    call.on('error', reject)
    call.end()
  })

describe('two PCs with one identity', () => {
  it.each([
    ['with different hardware', A, B],
    ['with the same hardware', A, A],
    ['with unknown hardware', null, null],
    ["with only the older one's hardware known", A, null],
  ])('%s that are online together: the first keeps it', async (_name, first, second) => {
    const original = link(first)
    await original.welcomed
    const other = await becomesAnother(link(second))
    expect(original.socket.connected).toBe(true)

    const mine = await deviceOf(identity.deviceId)
    expect(mine).toMatchObject({ name: 'PC-12', online: true, approved: true, split_from: null })
    const its = await deviceOf(other.deviceId)
    expect(its).toMatchObject({
      name: 'PC-12 (2)',
      approved: false,
      blocked: false,
      split_from: identity.deviceId,
      owner_id: mine.owner_id,
      group_ids: [],
    })
    expect(await audit('device.split')).toMatchObject([{ subject: 'device PC-12 (2)' }])
    expect(await audit('device.twin')).toMatchObject([{ subject: 'device PC-12' }])

    // It reconnects under its new identity, and both stay online.
    const again = link(second, {}, other)
    await again.welcomed
    await eventually('both are online', async () => (await devices()).every((d) => d.online))
    expect(await devices()).toHaveLength(2)
    expect(original.socket.connected).toBe(true)
  })

  it('that meet while the copy lives in the place of the first: the copy goes', async () => {
    await visit(A)
    const copy = link(B)
    await copy.welcomed
    expect(await audit('device.hardware')).toHaveLength(1)
    const original = link(A)
    await original.welcomed
    const other = await copy.split
    expect(original.socket.connected).toBe(true)
    expect(await deviceOf(other.deviceId)).toMatchObject({ split_from: identity.deviceId })
    expect(await devices()).toHaveLength(2)
  })

  it("that connect while the clone holds the device's link: the clone is separated", async () => {
    await visit(A)
    await visit(B)
    expect(await audit('device.twin')).toEqual([])
    await visit(A)
    expect(await audit('device.twin')).toMatchObject([{ subject: 'device PC-12' }])
    const other = await becomesAnother(link(B))
    await visit(A)
    await visit(B, other)
    await visit(A)
    expect(await devices()).toHaveLength(2)
  })

  it('that are never online together: the first one keeps it', async () => {
    await visit(A)
    await visit(B)
    await visit(B)
    await t.restart()
    await visit(B)
    expect(await devices()).toHaveLength(1)
    expect(await audit('device.hardware')).toHaveLength(1)
    expect(await audit('device.split')).toEqual([])
  })

  it('of which one is a repair: a new mainboard makes no new device, and is reported once', async () => {
    const lingering = link(A, { lingers: true })
    await lingering.welcomed
    const back = link(A)
    await back.welcomed
    await eventually(
      'are one PC when its cable was unplugged: the lingering link does not answer',
      () => !lingering.socket.connected,
    )
    expect(await devices()).toHaveLength(1)
    expect((await deviceOf(identity.deviceId)).online).toBe(true)
  })

  it('that connect in great numbers and never answer delay only themselves', async () => {
    const lingering = Array.from({ length: 60 }, () => link(A, { lingers: true }))
    const other = await t.enroll('PC-13')
    const startedMs = performance.now()
    await link(B, {}, other).welcomed
    expect(performance.now() - startedMs).toBeLessThan(60_000)
    await eventually(
      'all but the last have disconnected',
      () => lingering.filter(({ socket }) => socket.connected).length <= 1,
    )
    await link(A).welcomed
  })

  it('are remembered over a restart of the controller', async () => {
    await visit(A)
    await visit(B)
    await visit(A)
    await t.restart()
    await becomesAnother(link(B))
    expect(await devices()).toHaveLength(2)
  })
})

describe('separating a clone', () => {
  it('leaves the original undisturbed: its work completes meanwhile', async () => {
    const commands: DeployPayload[] = []
    const original = link(A, { onCommand: (c) => void commands.push(c as DeployPayload) })
    await original.welcomed
    const id = await deploy(identity.deviceId)
    await eventually('it has its command', () => commands.length === 1)
    await original.progress(commands[0]!, 'installing')
    await becomesAnother(link(B, { attempts: () => [commands[0]!.attempt_id] }))
    expect((await original.result(commands[0]!, {})).committed).toBe(true)
    await eventually('it is completed', async () => {
      const { status } = await t.rest.call('deployments.get', { params: { id } })
      return status === 'completed'
    })
    expect(commands).toHaveLength(1)
    expect((await targetsOf(id))[0]).toMatchObject({ deployment_status: 'completed', attempt: 1 })
  })

  it('lets the clone report nothing of the original, before and after', async () => {
    const commands: DeployPayload[] = []
    const original = link(A, { onCommand: (c) => void commands.push(c as DeployPayload) })
    await original.welcomed
    const id = await deploy(identity.deviceId)
    await eventually('it has its command', () => commands.length === 1)
    const copy = link(B, { nextKey: newSimKey() })
    // Sent on the clone's link as soon as it exists; the hub must ignore it.
    copy.socket.once('challenge', () => {
      void copy.result(commands[0]!, { status: 'failed', message: 'from the copy' }).catch(() => 0)
    })
    const other = await becomesAnother(copy)
    const again = link(B, {}, other)
    await again.welcomed
    await again.result(commands[0]!, { status: 'failed', message: 'from the copy' })
    expect((await targetsOf(id))[0]).toMatchObject({ deployment_status: 'downloading' })
    await original.result(commands[0]!, {})
    await eventually(
      "the original's report is accepted",
      async () => (await targetsOf(id))[0]!.deployment_status === 'completed',
    )
  })

  it('of PCs that are never online together: work that the clone started is reported as it is, and stays with it', async () => {
    await visit(A)
    const commands: DeployPayload[] = []
    const copy = link(B, { onCommand: (c) => void commands.push(c as DeployPayload) })
    await copy.welcomed
    const id = await deploy(identity.deviceId)
    await eventually('it has its command', () => commands.length === 1)
    await copy.progress(commands[0]!, 'installing')
    await link(A).welcomed
    await copy.split
    await eventually(
      'it has an end',
      async () => (await targetsOf(id))[0]!.deployment_status === 'failed',
    )
    expect((await targetsOf(id))[0]).toMatchObject({ reason: 'interrupted' })
  })

  it.each(['split', 'split_done'] as const)(
    'that is interrupted at %s continues on the next link and ends with one device',
    async (diesAt) => {
      await link(A).welcomed
      const nextKey = newSimKey()
      const dying = link(B, { diesAt, nextKey })
      await eventually('its link is cut', () => dying.socket.disconnected)
      const made = diesAt === 'split' ? 1 : 2
      await eventually(
        'the controller has done its part',
        async () => (await devices()).length === made,
      )
      await t.restart()
      await eventually('the original is back', async () => {
        if (!open[0]!.socket.connected) await (open[0] = link(A)).welcomed
        return (await deviceOf(identity.deviceId)).online
      })
      const other = await becomesAnother(link(B, { nextKey }))
      expect(await devices()).toHaveLength(2)
      expect(await audit('device.split')).toHaveLength(1)
      await link(B, {}, other).welcomed
    },
  )

  it('is refused under a key that already belongs to another device', async () => {
    const unrelated = await t.enroll('PC-13')
    await link(A).welcomed
    const copy = link(B, { nextKey: unrelated.privateKey })
    await expect(copy.welcomed).rejects.toThrow('removed or blocked')
    expect(await devices()).toHaveLength(2)
    expect((await deviceOf(unrelated.deviceId)).split_from).toBeNull()
  })

  it('is not done for a clone of a blocked or removed device', async () => {
    await visit(A)
    await t.rest.call('devices.block', { params: { id: identity.deviceId } })
    await expect(link(B).welcomed).rejects.toThrow('This device is blocked.')
    await t.rest.call('devices.approve', { params: { id: identity.deviceId } })
    await t.rest.call('devices.delete', { params: { id: identity.deviceId } })
    await expect(link(B).welcomed).rejects.toThrow('was removed from the controller')
    expect(await devices()).toHaveLength(0)
  })

  it('does not restore a clone that a user has removed', async () => {
    await link(A).welcomed
    const nextKey = newSimKey()
    const other = await becomesAnother(link(B, { nextKey }))
    await t.rest.call('devices.delete', { params: { id: other.deviceId } })
    await expect(link(B, {}, other).welcomed).rejects.toThrow('was removed from the controller')
    await expect(link(B, { nextKey }).welcomed).rejects.toThrow('removed or blocked')
    expect(await devices()).toHaveLength(1)
  })

  it('leaves the original in place if the agent does not support it', async () => {
    const original = link(A)
    await original.welcomed
    const old = link(B)
    old.socket.off('split')
    old.socket.on('split', (_body, ack) => ack({ public_key: 'no', signature: 'no' }))
    await expect(old.welcomed).rejects.toThrow('Another PC has the same identity.')
    expect(original.socket.connected).toBe(true)
    expect(await devices()).toHaveLength(1)
  })
})

describe('an unapproved device', () => {
  it('has a link but gets no command and no query until it is approved', async () => {
    await link(A).welcomed
    const other = await becomesAnother(link(B))
    const questions: unknown[] = []
    const copy = link(
      B,
      {
        onCommand: (command, agent) => void agent.result(command as DeployPayload, {}),
        inspect: (question) => {
          questions.push(question)
          return null
        },
      },
      other,
    )
    await copy.welcomed
    await eventually('it is online', async () => (await deviceOf(other.deviceId)).online)

    const software = await t.addScript('tool')
    const body = { name: 'tool', software_ids: [software.id], device_ids: [other.deviceId] }
    const before = await t.rest.call('deployments.preflight', { body })
    expect(before.targets[0]).toMatchObject({ outcome: 'will_skip', live: false })
    const refused = await t.rest.call('deployments.create', { body })
    await eventually(
      'it is skipped',
      async () => (await targetsOf(refused.deployment_id))[0]!.deployment_status === 'skipped',
    )
    expect(questions).toEqual([])
    expect(copy.commands).toEqual([])

    await t.rest.call('devices.approve', { params: { id: other.deviceId } })
    const served = await t.rest.call('deployments.create', { body })
    await eventually(
      'it is served',
      async () => (await targetsOf(served.deployment_id))[0]!.deployment_status === 'completed',
    )
    expect(copy.socket.connected).toBe(true)
  })

  it('has no active attempt, so no download ticket is valid', async () => {
    const commands: DeployPayload[] = []
    const agent = link(A, { onCommand: (c) => void commands.push(c as DeployPayload) })
    await agent.welcomed
    await deploy(identity.deviceId)
    await eventually('it has its command', () => commands.length === 1)
    const url = `https://127.0.0.1:${t.hub.port}${commands[0]!.url}`
    expect(await statusOf(url)).toBe(200)
    await t.rest.call('devices.block', { params: { id: identity.deviceId } })
    await eventually('the ticket is void', async () => (await statusOf(url)) === 403)
  })
})

it('forty clones of one image start together and end as forty devices', async () => {
  const links = Array.from({ length: 40 }, (_, i) => {
    const hardwareId = i.toString(16).padStart(64, '0')
    return { hardwareId, agent: link(hardwareId) }
  })
  const all = await Promise.all(
    links.map(({ hardwareId, agent }) =>
      Promise.race([
        agent.welcomed.then(() => null),
        agent.split.then((other) => ({ hardwareId, other })),
      ]).catch(() => agent.split.then((other) => ({ hardwareId, other }))),
    ),
  )
  const copies = all.filter((one) => one !== null)
  expect(copies).toHaveLength(39)
  await Promise.all(copies.map(({ hardwareId, other }) => link(hardwareId, {}, other).welcomed))
  await eventually(
    'all are online',
    async () => (await devices()).filter((d) => d.online).length === 40,
  )

  // No PC is disconnected any more.
  let lost = 0
  for (const { socket } of open) socket.on('disconnect', () => lost++)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(lost).toBe(0)
  const found = await devices()
  expect(found).toHaveLength(40)
  expect(new Set(found.map((d) => d.name)).size).toBe(40)
  expect(found.filter((d) => d.approved)).toHaveLength(1)
})
