/**
 * A real controller that serves newer agents; simulated agents on real sockets execute its orders.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandReply } from '#shared/contract/agent/link.ts'
import type { SelfUpdateFacts, UpdatePayload } from '#shared/contract/agent/update.ts'
import { createServedAgents, LINUX_AGENT } from '../../test-kit/served-agents.ts'
import type { SimAgent, SimIdentity } from '../../test-kit/sim-agent.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'

const FAST = { lookMs: 100, retryMs: 400, askAgainMs: 300, resultMs: 60_000 }
let t: TestController
let agents: ReturnType<typeof createServedAgents>
let policy: 'automatic' | 'off'

type Pc = {
  identity: SimIdentity
  agent: SimAgent
  orders: UpdatePayload[]
  version: string
  last: SelfUpdateFacts['last']
  /** Reports that it has executed its order, or failed. */
  report: (
    state: 'done' | 'failed',
    message?: string,
    coded?: { code: string; params: Record<string, string> },
  ) => Promise<void>
}
type Options = {
  version?: string
  obstacle?: string | null
  silent?: boolean
  answer?: (order: UpdatePayload) => CommandReply | null
}
async function connect(pc: Pc, options: Options = {}): Promise<void> {
  pc.agent = await t.connect(pc.identity, {
    facts: () => ({
      agent_version: pc.version,
      ...(!options.silent && {
        self_update: { obstacle: options.obstacle ?? null, last: pc.last },
      }),
    }),
    update: (order) => {
      pc.orders.push(order)
      const reply = options.answer ? options.answer(order) : { accepted: true as const }
      if (reply?.accepted)
        pc.last = {
          sequence: order.sequence,
          version: order.version,
          state: 'working',
          message: '',
        }
      return reply
    },
  })
}
async function add(name: string, options: Options = {}): Promise<Pc> {
  const pc: Pc = {
    identity: await t.enroll(name),
    agent: undefined as never,
    orders: [],
    version: options.version ?? '0.1.0',
    last: null,
    async report(state, message = '', coded = undefined) {
      const { sequence, version } = pc.orders.at(-1)!
      if (state === 'done') pc.version = version
      pc.last = { sequence, version, state, message, ...coded }
      await pc.agent.reportFacts()
    },
  }
  await connect(pc, options)
  return pc
}
const updateOf = async (pc: Pc) =>
  (await t.rest.call('devices.get', { params: { id: pc.identity.deviceId } })).agent_update
const ordered = (pc: Pc, times = 1) => expect.poll(() => pc.orders.length).toBe(times)
const pause = (ms = 600) => new Promise((resolve) => setTimeout(resolve, ms))
const ask = (pc: Pc, client = t.rest) =>
  client.raw('POST', `/devices/${pc.identity.deviceId}/update`)
const auditOf = async (action: string): Promise<string[]> =>
  (await t.rest.call('audit.list', { query: { limit: 500 } })).entries
    .filter((entry) => entry.action === action)
    .map((entry) => `${entry.actor}: ${entry.subject} ${entry.details}`)

beforeEach(async () => {
  agents = createServedAgents()
  policy = 'automatic'
  agents.serve('0.2.0')
  t = await startTestController({
    agentsDir: agents.dir,
    agentUpdates: () => policy,
    timings: { updates: FAST },
  })
})
afterEach(async () => {
  await t.stop()
  agents.remove()
})

describe('a newer agent', () => {
  it('goes to one PC, and to the others once that one reports it', async () => {
    policy = 'off'
    const pcs = [await add('PC-1'), await add('PC-2'), await add('PC-3')]
    expect(await updateOf(pcs[0]!)).toEqual({ version: '0.2.0', state: 'available', message: '' })
    await pause()
    expect(pcs.flatMap((pc) => pc.orders)).toEqual([])
    policy = 'automatic'
    await ordered(pcs[0]!)
    expect(pcs[0]!.orders[0]).toMatchObject({
      device_id: pcs[0]!.identity.deviceId,
      version: '0.2.0',
      file_name: LINUX_AGENT,
      url: `/agent/download/${LINUX_AGENT}`,
      size_bytes: 11,
    })
    await expect.poll(() => updateOf(pcs[0]!)).toMatchObject({ state: 'updating' })
    await pause()
    expect(pcs.slice(1).flatMap((pc) => pc.orders)).toEqual([])
    await pcs[0]!.report('done')
    expect(await updateOf(pcs[0]!)).toBeNull()
    await ordered(pcs[1]!)
    await ordered(pcs[2]!)
    for (const pc of pcs.slice(1)) await pc.report('done')
    expect(await auditOf('device.agent_updated')).toHaveLength(3)
    await pause()
    expect(pcs.map((pc) => pc.orders.length)).toEqual([1, 1, 1])
  })

  it('with the same version and other bytes is ordered from nobody: only versions count', async () => {
    const pc = await add('PC-1', { version: '0.2.0' })
    agents.serve('0.2.0', 'another build')
    agents.serve('0.1.9', 'older')
    await pause()
    expect(await updateOf(pc)).toBeNull()
    expect(pc.orders).toEqual([])
    agents.serve(null)
    expect(await ask(pc)).toMatchObject({ status: 409 })
  })

  it('is not offered from a folder whose manifest and hashes differ', async () => {
    agents.garble()
    const pc = await add('PC-1')
    await pause()
    expect(pc.orders).toEqual([])
    expect(await updateOf(pc)).toBeNull()
  })

  it('that fails is tried on other PCs, and stops after three', async () => {
    const pcs: Pc[] = []
    for (let n = 1; n <= 4; n++) pcs.push(await add(`PC-${n}`))
    for (const pc of pcs.slice(0, 3)) {
      await ordered(pc)
      await pc.report('failed', 'Version 0.2.0 did not keep running.\u202e')
    }
    expect(await updateOf(pcs[0]!)).toEqual({
      version: '0.2.0',
      state: 'failed',
      message: 'Version 0.2.0 did not keep running.\ufffd',
    })
    await pause(1_000)
    expect(pcs.map((pc) => pc.orders.length)).toEqual([1, 1, 1, 0])
    expect(await updateOf(pcs[3]!)).toMatchObject({
      message: expect.stringContaining('failed on other PCs') as string,
      code: 'update_stopped',
    })
    expect(await auditOf('device.agent_updates_stopped')).toHaveLength(1)
    // A user may still want it there.
    expect(await ask(pcs[3]!)).toMatchObject({
      status: 200,
      body: { agent_update: { state: 'updating' } },
    })
    await ordered(pcs[3]!)
    expect(await auditOf('device.update_agent')).toContainEqual(
      'anna: device PC-4 from 0.1.0 to 0.2.0',
    )
  })

  it('that fails keeps the code of the reason, also after a restart of the controller', async () => {
    const pc = await add('PC-1')
    await ordered(pc)
    await pc.report('failed', 'text of the agent', {
      code: 'update_not_running',
      params: { version: '0.2.0' },
    })
    const failed = {
      state: 'failed',
      message: 'Version 0.2.0 did not keep running on this PC. The previous version was restored.',
      code: 'update_not_running',
      params: { version: '0.2.0' },
    }
    expect(await updateOf(pc)).toMatchObject(failed)
    await t.restart()
    expect(await updateOf(pc)).toMatchObject(failed)
  })

  it('is ordered three times per PC at most', async () => {
    const pc = await add('PC-1')
    for (let times = 1; times <= 3; times++) {
      await ordered(pc, times)
      await pc.report('failed', 'no')
    }
    await pause(1_200)
    expect(pc.orders).toHaveLength(3)
    expect(new Set(pc.orders.map((order) => order.sequence)).size).toBe(3)
  })

  it('is ordered again from a busy PC, which does not count as a try', async () => {
    let isBusy = true
    const pc = await add('PC-1', {
      answer: () =>
        isBusy ? { accepted: false, why: 'busy', message: 'later' } : { accepted: true },
    })
    await expect.poll(() => pc.orders.length).toBeGreaterThan(4)
    isBusy = false
    await expect.poll(() => updateOf(pc)).toMatchObject({ state: 'updating' })
  })

  it('is not ordered again if the agent refuses it', async () => {
    const pc = await add('PC-1', {
      answer: () => ({ accepted: false, why: 'unsupported', message: 'rolled back too often' }),
    })
    await ordered(pc)
    await pause(1_200)
    expect(pc.orders).toHaveLength(1)
    expect(await updateOf(pc)).toMatchObject({ state: 'failed', message: 'rolled back too often' })
  })

  it('is not ordered where it cannot be installed, and the reason is shown', async () => {
    const old = await add('PC-1', { silent: true })
    const bare = await add('PC-2', { obstacle: 'It runs from its sources.' })
    await pause()
    expect([...old.orders, ...bare.orders]).toEqual([])
    expect(await updateOf(old)).toMatchObject({ state: 'unsupported' })
    expect(await updateOf(old)).toMatchObject({
      message: expect.stringContaining('too old') as string,
      code: 'update_agent_too_old',
    })
    expect((await ask(old)).body).toMatchObject({ error: { reason: 'update_agent_too_old' } })
    const reply = await ask(bare)
    expect([reply.status, JSON.stringify(reply.body)]).toEqual([
      409,
      expect.stringContaining('It runs from its sources.'),
    ])
  })

  it('waits for running installations, and a request is refused meanwhile', async () => {
    policy = 'off'
    const pc = await add('PC-1')
    const { id } = await t.addScript('tool')
    await t.rest.call('deployments.create', {
      body: { name: 'one', software_ids: [id], device_ids: [pc.identity.deviceId] },
    })
    await expect.poll(() => pc.agent.commands.length).toBe(1)
    policy = 'automatic'
    await pause()
    expect(pc.orders).toEqual([])
    expect(await ask(pc)).toMatchObject({ status: 409 })
    await pc.agent.result(pc.agent.commands[0] as never, {})
    await ordered(pc)
  })

  it("can be ordered only by the PC's owner", async () => {
    policy = 'off'
    const pc = await add('PC-1')
    await t.rest.call('users.create', {
      body: { username: 'tom', password: 'a good password', role: 'technician' },
    })
    const { token } = await t.anonymous.call('auth.login', {
      body: { username: 'tom', password: 'a good password' },
    })
    const tom = createRestClient(t.controller.consoleUrl, token)
    await tom.raw('POST', '/auth/password', {
      old_password: 'a good password',
      new_password: 'a better password',
    })
    expect([403, 404]).toContain((await ask(pc, tom)).status)
    expect(pc.orders).toEqual([])
    pc.agent.close()
    await expect.poll(async () => (await ask(pc)).status).toBe(409)
  })

  it('in progress is neither forgotten nor ordered again after a restart of the controller', async () => {
    const pc = await add('PC-1')
    await ordered(pc)
    await expect.poll(() => updateOf(pc)).toMatchObject({ state: 'updating' })
    pc.agent.close()
    await t.restart()
    await connect(pc)
    await pause()
    expect(pc.orders).toHaveLength(1)
    expect(await updateOf(pc)).toMatchObject({ state: 'updating' })
    expect(await ask(pc)).toMatchObject({ status: 409 })
    await pc.report('done')
    expect(await updateOf(pc)).toBeNull()
    await t.restart()
    expect(await auditOf('device.agent_updated')).toHaveLength(1)
  })
})
