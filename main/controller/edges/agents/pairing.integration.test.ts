/**
 * Enrolment without a code: the real agent with a person at its keyboard, and a real controller.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Device } from '#shared/contract/rest/devices.ts'
import { until } from '#shared/test-kit/until.ts'
import type { ControllerOptions } from '../../compose/index.ts'
import { startDiscovery, type DiscoveringAgent } from '../../test-kit/discovering-agent.ts'
import { startRealAgent } from '../../test-kit/real-agent.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'

type Pairing = NonNullable<NonNullable<ControllerOptions['timings']>['pairing']>

let t: TestController
const agents: { remove: () => Promise<void> }[] = []
async function start(pairing: Pairing = {}): Promise<void> {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0 }, pairing } })
}
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.remove()))
  await t.stop()
})

function discover(name: string, state?: string): DiscoveringAgent {
  const agent = startDiscovery(name, { port: t.hub.port, ...(state !== undefined && { state }) })
  agents.push(agent)
  return agent
}
const list = async (): Promise<Device[]> => (await t.rest.call('devices.list', {})).devices

function forgetEnrollment(state: string): void {
  const file = join(state, 'identity.json')
  const identity = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, JSON.stringify({ ...identity, enrollment: null }))
}
const pauseReportedTo = (agent: DiscoveringAgent): number =>
  Number(/possible in (\d+) s/.exec(agent.output())?.[1])
const waiting = (name: string): Promise<Device> =>
  until(`${name} waits for approval`, async () =>
    (await list()).find((d) => d.name === name && d.pairing),
  )

describe('a PC that is enrolled by comparing digits', () => {
  beforeEach(() => start())

  it("shows the console's digits, joins once both sides have confirmed, and receives a deployment", async () => {
    const agent = discover('RECEPTION')
    const digits = await agent.digits()
    const device = await waiting('RECEPTION')
    expect(device).toMatchObject({ approved: false, owner_id: null, online: false })
    expect(device.pairing).toMatchObject({ digits, approved: false, confirmed: false })
    expect(Date.parse(device.pairing!.expires_at)).toBeGreaterThan(Date.now() + 500_000)

    agent.type('y')
    await until('the PC has confirmed', async () => (await waiting('RECEPTION')).pairing?.confirmed)
    expect(agent.enrollment()).toBeNull()
    await t.rest.call('devices.approve', { params: { id: device.id } })
    expect(await agent.ended).toBe(0)
    expect(agent.output()).toContain(`Enrolled as device ${device.id} (RECEPTION).`)
    expect(agent.enrollment()).toMatchObject({
      device_id: device.id,
      fingerprint: t.controller.fingerprint,
    })
    const [joined] = await list()
    expect(joined).toMatchObject({ approved: true, pairing: null, owner_id: t.session.user.id })

    const running = startRealAgent('RECEPTION', null, { state: agent.state })
    agents.push(running)
    await until('it is online', async () => (await list())[0]?.online)
    const { id: software } = await t.addScript(
      'tool',
      '#!/bin/sh\ntouch "$DEPLOYX_INSTALL_ROOT/done"\n',
    )
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: { name: 'first', software_ids: [software], device_ids: [device.id] },
    })
    await until('it is deployed', async () => {
      const { status } = await t.rest.call('deployments.get', { params: { id } })
      return status === 'completed'
    })
    const { entries } = await t.rest.call('audit.list', { query: {} })
    const recorded = entries.map((e) => `${e.actor} ${e.action} ${e.subject}`)
    expect(recorded).toContain('anna device.approve device RECEPTION')
    expect(recorded).toContain('anna device.pair device RECEPTION')
  })

  it('may be approved first and confirmed later: one confirmation alone enrols nothing', async () => {
    const agent = discover('LAB-01')
    await agent.digits()
    const { id } = await waiting('LAB-01')
    const approved = await t.rest.call('devices.approve', { params: { id } })
    expect(approved).toMatchObject({
      approved: false,
      pairing: { approved: true, confirmed: false },
    })
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect((await list())[0]).toMatchObject({ approved: false, online: false })
    expect(agent.enrollment()).toBeNull()
    agent.type('y')
    expect(await agent.ended).toBe(0)
    expect((await list())[0]).toMatchObject({ approved: true, pairing: null })
  })

  it('is not enrolled when the person at the PC declines, and leaves nothing behind', async () => {
    const agent = discover('LAB-02')
    await agent.digits()
    await waiting('LAB-02')
    agent.type('n')
    expect(await agent.ended).toBe(1)
    expect(agent.output()).toContain('The digits were not confirmed on this PC.')
    expect(agent.enrollment()).toBeNull()
    await until('the device is no longer listed', async () => (await list()).length === 0)
  })

  it('receives the rejection from the console, and then has to wait before it tries again', async () => {
    const agent = discover('LAB-03')
    await agent.digits()
    const { id } = await waiting('LAB-03')
    await t.rest.call('devices.delete', { params: { id } })
    expect(await agent.ended).toBe(1)
    expect(agent.output()).toMatch(
      /was rejected in the console\. Another try is possible in 60 s\./,
    )
    expect(await list()).toEqual([])

    const again = discover('LAB-03', agent.state)
    expect(await again.ended).toBe(1)
    expect(again.output()).toMatch(/An earlier attempt failed\. Try again in \d\d s\./)
    // Another key does not help: the address has to wait as well.
    const other = discover('LAB-03-B')
    expect(await other.ended).toBe(1)
    expect(other.output()).toContain('An earlier attempt failed')
  })

  it('leaves the list when it disconnects', async () => {
    const agent = discover('LAB-04')
    await agent.digits()
    await waiting('LAB-04')
    await agent.kill()
    await until('the device is no longer listed', async () => (await list()).length === 0)
  })

  it('is refused permanently when it was blocked', async () => {
    const agent = discover('LAB-05')
    await agent.digits()
    const { id } = await waiting('LAB-05')
    const blocked = await t.rest.call('devices.block', { params: { id } })
    expect(blocked).toMatchObject({ blocked: true, pairing: null })
    expect(await agent.ended).toBe(1)
    expect((await list())[0]).toMatchObject({ blocked: true, approved: false })
  })

  it('is shown to administrators only, who alone can approve or reject it', async () => {
    const password = 'correct horse'
    await t.rest.call('users.create', { body: { username: 'ben', password, role: 'technician' } })
    const { token } = await t.anonymous.call('auth.login', { body: { username: 'ben', password } })
    const ben = createRestClient(t.controller.consoleUrl, token)
    const agent = discover('LAB-06')
    await agent.digits()
    const { id } = await waiting('LAB-06')
    expect((await ben.call('devices.list', {})).devices).toEqual([])
    for (const [method, path] of [
      ['POST', '/approve'],
      ['POST', '/block'],
      ['DELETE', ''],
      ['GET', ''],
    ] as const)
      expect((await ben.raw(method, `/devices/${id}${path}`)).status).toBe(404)
    expect((await waiting('LAB-06')).pairing).toMatchObject({ approved: false })
  })

  it('sends open consoles the number of waiting PCs', async () => {
    const feed = t.feed()
    const counts: number[] = []
    feed.on('devices_pending', ({ count }) => counts.push(count))
    await until('the feed is open', () => Promise.resolve(feed.connected))
    const agent = discover('LAB-07')
    await agent.digits()
    await until('one waits', () => Promise.resolve(counts.at(-1) === 1))
    agent.type('n')
    await agent.ended
    await until('none waits', () => Promise.resolve(counts.at(-1) === 0))
  })

  it('returns under its old number after its removal, and may not connect until it is approved', async () => {
    const agent = discover('LAB-08')
    await agent.digits()
    const { id } = await waiting('LAB-08')
    await t.rest.call('devices.approve', { params: { id } })
    agent.type('y')
    expect(await agent.ended).toBe(0)
    await t.rest.call('devices.delete', { params: { id } })
    expect(await list()).toEqual([])
    // A state folder without its enrolment but with its key.
    forgetEnrollment(agent.state)
    const again = discover('LAB-08', agent.state)
    await again.digits()
    expect((await waiting('LAB-08')).id).toBe(id)
    again.type('n')
    await again.ended
    await until('it is forgotten again', async () => (await list()).length === 0)
  })
})

describe('an unanswered pairing', () => {
  it('expires, and the PC may try again after a growing pause', async () => {
    await start({ expiresMs: 800, firstMs: 1_500, longestMs: 60_000 })
    const first = discover('LAB-10')
    await first.digits()
    first.type('y')
    expect(await first.ended).toBe(1)
    expect(first.output()).toContain('were not confirmed on both sides in time')
    expect(pauseReportedTo(first)).toBe(2)
    expect(await list()).toEqual([])
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const second = discover('LAB-10', first.state)
    await second.digits()
    expect(await second.ended).toBe(1)
    expect(pauseReportedTo(second)).toBe(3)
  })

  it('ends when the controller changes its keys, which the digits covered, and may restart immediately', async () => {
    await start()
    const agent = discover('LAB-12')
    await agent.digits()
    await waiting('LAB-12')
    await t.rest.call('controller.rotate', { body: { tls: true, command: true } })
    expect(await agent.ended).toBe(1)
    expect(agent.output()).toContain("The controller's keys have changed. Start again.")
    const again = discover('LAB-12', agent.state)
    await again.digits()
    const { id } = await waiting('LAB-12')
    await t.rest.call('devices.approve', { params: { id } })
    again.type('y')
    expect(await again.ended).toBe(0)
    const { fingerprint } = await t.rest.call('hub.get', {})
    expect(again.enrollment()).toMatchObject({ fingerprint, epoch: 1, generation: 0 })
    const running = startRealAgent('LAB-12', null, { state: agent.state })
    agents.push(running)
    await until('it is online', async () => (await list())[0]?.online)
  })

  it('ends with the controller, which sends the reason and keeps nothing of it', async () => {
    await start()
    const agent = discover('LAB-11')
    await agent.digits()
    await waiting('LAB-11')
    await t.restart()
    expect(await list()).toEqual([])
    expect(await agent.ended).toBe(1)
    expect(agent.output()).toContain('The controller is stopping.')
  })
})
