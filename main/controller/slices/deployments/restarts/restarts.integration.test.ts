/**
 * A real controller and agents that speak the real protocol but restart nothing: they report another boot when the test
 * asks for it. What the real agent does with an order: agent/restart.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RestartPayload, RestartReply } from '#shared/contract/agent/restart.ts'
import type {
  CommandPayload,
  DeploymentResult,
  DeployPayload,
} from '#shared/contract/agent/link.ts'
import type { DeploymentId, SoftwareId } from '#shared/domain/ids.ts'
import type { SimAgent, SimIdentity } from '../../../test-kit/sim-agent.ts'
import { startTestController, type TestController } from '../../../test-kit/test-controller.ts'

let t: TestController
let software: SoftwareId
beforeEach(async () => {
  t = await startTestController({
    discovery: false,
    timings: {
      presence: { connectGraceMs: 0, offlineAfterMs: 0 },
      engine: { heartbeatMs: 100, restartAgainMs: 300, restartBusyMs: 300, ackTimeoutMs: 2_000 },
    },
  })
  software = (await t.addScript('tool')).id
})
afterEach(() => t.stop())

const NEEDS_RESTART: Partial<DeploymentResult> = {
  reason: 'reboot_pending',
  exit_code: 3010,
  message: 'Installed. A restart of this PC completes it (exit code 3010).',
}
const isDeploy = (c: CommandPayload): c is DeployPayload & CommandPayload => c.action !== 'cancel'

type Pc = { identity: SimIdentity; agent: SimAgent }
type Options = {
  boot?: string | null
  onRestart?: (payload: RestartPayload) => RestartReply | null
  result?: Partial<DeploymentResult>
  holds?: boolean
}
const connect = (identity: SimIdentity, { boot = 'boot-1', ...options }: Options = {}) =>
  t.connect(identity, {
    ...(boot !== null && { restart: { possible: true as const, boot_id: boot } }),
    ...(options.onRestart && { onRestart: options.onRestart }),
    onCommand: (command, agent) => {
      if (!options.holds && isDeploy(command))
        void agent.result(command, options.result ?? NEEDS_RESTART)
    },
  })
async function aPc(name: string, options: Options = {}): Promise<Pc> {
  const identity = await t.enroll(name)
  return { identity, agent: await connect(identity, options) }
}
const deploy = async (pcs: Pc[], change: object = {}): Promise<DeploymentId> => {
  const body = {
    name: 'Office 2021',
    software_ids: [software],
    device_ids: pcs.map(({ identity }) => identity.deviceId),
    reboot: 'if_needed' as const,
    ...change,
  }
  return (await t.rest.call('deployments.create', { body })).deployment_id
}
/** The nth command that its agent received. */
async function commandOf(pc: Pc, n: number): Promise<DeployPayload> {
  await expect.poll(() => pc.agent.commands.length).toBe(n)
  return pc.agent.commands[n - 1] as DeployPayload
}
const deploymentOf = (id: DeploymentId) => t.rest.call('deployments.get', { params: { id } })
const restartOf = async (id: DeploymentId, index = 0) =>
  (await t.rest.call('deployments.progress', { params: { id } })).targets[index]?.restart
const untilRestart = (id: DeploymentId, state: string) =>
  expect.poll(async () => (await restartOf(id))?.state).toBe(state)
const untilEnded = (id: DeploymentId, status = 'completed') =>
  expect.poll(async () => (await deploymentOf(id)).status).toBe(status)
const settle = (ms = 600) => new Promise((resolve) => setTimeout(resolve, ms))
const auditRecordsOf = async (id: DeploymentId) =>
  (await t.rest.call('audit.list', { query: { deployment_id: id } })).entries
    .filter(({ action }) => action.startsWith('deployment.restart'))
    .map(({ action, outcome }) => `${action} ${outcome}`)
    .reverse()

describe('a deployment that restarts PCs', () => {
  it('orders one restart with its notice once the packages are installed, and recognises the next boot', async () => {
    const pc = await aPc('PC-01')
    const id = await deploy([pc], { reboot_delay_minutes: 25 })
    await untilRestart(id, 'announced')
    expect(pc.agent.restarts).toMatchObject([
      {
        action: 'restart',
        device_id: pc.identity.deviceId,
        deployment_id: id,
        boot_id: 'boot-1',
        delay_seconds: 1500,
        deployment_name: 'Office 2021',
      },
    ])
    // The deployment ended without waiting for the restart.
    await untilEnded(id)
    const view = await deploymentOf(id)
    expect(view).toMatchObject({
      reboot: 'if_needed',
      reboot_delay_minutes: 25,
      restarts: { announced: 1 },
    })
    const due = Date.parse((await restartOf(id))!.due_at!) - Date.now()
    expect(due).toBeGreaterThan(1_400_000)
    expect(due).toBeLessThan(1_501_000)

    pc.agent.close()
    await settle(200)
    const back = await connect(pc.identity, { boot: 'boot-2' })
    await untilRestart(id, 'done')
    await settle()
    expect(back.restarts).toEqual([])
    expect(await auditRecordsOf(id)).toEqual([
      'deployment.restart done',
      'deployment.restart_end done',
    ])
    const csv = (await t.rest.raw('GET', `/deployments/${id}/report.csv`)).body as string
    expect(csv.split('\r\n')[1]).toMatch(/,restarted \d{4}-[^,]*,install$/)
  })

  it('restarts nothing when set to never, or when no installer asked for it', async () => {
    const asks = await aPc('PC-01')
    const content = await aPc('PC-02', { result: { message: 'Installed.' } })
    const never = await deploy([asks], { reboot: 'never' })
    const unneeded = await deploy([content])
    await untilEnded(never)
    await untilEnded(unneeded)
    await settle()
    expect([...asks.agent.restarts, ...content.agent.restarts]).toEqual([])
    expect(await restartOf(never)).toBeUndefined()
    expect(await restartOf(unneeded)).toBeUndefined()
  })

  it('reports immediately that an agent of an earlier version is too old', async () => {
    const pc = await aPc('PC-01', { boot: null })
    const body = {
      name: 'x',
      software_ids: [software],
      device_ids: [pc.identity.deviceId],
      reboot: 'if_needed' as const,
    }
    const foreseen = await t.rest.call('deployments.preflight', { body })
    expect(foreseen.targets[0]).toMatchObject({
      restart: 'impossible',
      restart_note: expect.stringContaining('too old') as string,
      restart_note_code: 'cannot_restart_too_old',
      restart_note_params: {},
    })
    const id = await deploy([pc])
    await untilRestart(id, 'failed')
    expect(await restartOf(id)).toMatchObject({
      message: expect.stringContaining('PC-01 is too old') as string,
      code: 'restart_agent_too_old',
      params: { device: 'PC-01' },
    })
    expect(await auditRecordsOf(id)).toEqual(['deployment.restart_end failed'])
  })

  it('waits for every package of the PC', async () => {
    const pc = await aPc('PC-01', { holds: true })
    const second = (await t.addScript('second')).id
    const id = await deploy([pc], { software_ids: [software, second] })
    await pc.agent.result(await commandOf(pc, 1), NEEDS_RESTART)
    const last = await commandOf(pc, 2)
    await settle()
    expect(await restartOf(id)).toMatchObject({ state: 'owed', reason: 'device_busy' })
    expect(pc.agent.restarts).toEqual([])
    await pc.agent.result(last, { message: 'Installed.' })
    await untilRestart(id, 'announced')
    expect(pc.agent.restarts.length).toBe(1)
  })

  it('waits for the work of another deployment', async () => {
    const pc = await aPc('PC-01', { holds: true })
    const slow = await aPc('PC-02', { holds: true })
    const id = await deploy([pc, slow])
    const first = await commandOf(pc, 1)
    await t.rest.call('deployments.pause', { params: { id } })
    await pc.agent.result(first, NEEDS_RESTART)
    const other = await deploy([pc], { name: 'other', reboot: 'never' })
    const theirs = await commandOf(pc, 2)
    await t.rest.call('deployments.resume', { params: { id } })
    await expect.poll(async () => (await restartOf(id))?.reason).toBe('device_busy')
    await settle()
    expect(pc.agent.restarts).toEqual([])
    await pc.agent.result(theirs, { message: 'Installed.' })
    await untilEnded(other)
    await untilRestart(id, 'announced')
    expect(pc.agent.restarts.length).toBe(1)
  })

  it('gives a PC no other work from the order until it is back', async () => {
    const pc = await aPc('PC-01')
    const id = await deploy([pc])
    await untilRestart(id, 'announced')
    const later = await deploy([pc], { name: 'later', reboot: 'never' })
    await settle()
    const waiting = (await t.rest.call('deployments.progress', { params: { id: later } }))
      .targets[0]!
    expect(waiting).toMatchObject({ deployment_status: 'pending', reason: 'device_busy' })
    // It goes down for its restart, which does not count as "offline".
    pc.agent.close()
    await settle()
    expect((await deploymentOf(later)).status).toBe('in_progress')
    expect(pc.agent.commands.length).toBe(1)
    await connect(pc.identity, { boot: 'boot-2' })
    await untilEnded(later)
    await untilRestart(id, 'done')
  })

  it('repeats the order under the same id when the agent is busy or does not answer', async () => {
    let n = 0
    const answers: (RestartReply | null)[] = [
      { result: 'busy', message: 'An installation is at work on this PC.' },
      null,
    ]
    const pc = await aPc('PC-01', {
      onRestart: () =>
        n < answers.length ? answers[n++]! : { result: 'announced', due_in_seconds: 600 },
    })
    const id = await deploy([pc])
    await untilRestart(id, 'announced')
    expect(pc.agent.restarts.length).toBe(3)
    expect(new Set(pc.agent.restarts.map((r) => r.restart_id)).size).toBe(1)
    const sequences = pc.agent.restarts.map((r) => r.sequence)
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
  })

  it('shows why an agent refuses, without terminal control characters', async () => {
    const pc = await aPc('PC-01', {
      onRestart: () => ({ result: 'refused', message: 'no\u001b[31m rights' }),
    })
    const id = await deploy([pc])
    await untilRestart(id, 'failed')
    expect((await restartOf(id))!.message).toBe('no\ufffd[31m rights')
    expect((await restartOf(id))!.code).toBeUndefined()
    await settle()
    expect(pc.agent.restarts.length).toBe(1)
  })

  it('keeps the code of a refusal, and composes its text itself', async () => {
    const code = 'restart_tool_failed'
    const params = { exit_code: 1 }
    const pc = await aPc('PC-01', {
      onRestart: () => ({ result: 'refused', message: 'another text', code, params }),
    })
    const id = await deploy([pc])
    await untilRestart(id, 'failed')
    const message = 'The restart command failed: exit code 1.'
    expect(await restartOf(id)).toMatchObject({ message, code, params })
  })

  it('restarts again only for what a retry installs after the first restart', async () => {
    let fails = true
    const second = (await t.addScript('second')).id
    const identity = await t.enroll('PC-01')
    const answer = (command: DeployPayload, agent: SimAgent) =>
      command.software_name === 'second' && fails
        ? agent.result(command, { status: 'failed', reason: 'install_failed', exit_code: 1 })
        : agent.result(command, NEEDS_RESTART)
    const link = (boot: string) =>
      t.connect(identity, {
        restart: { possible: true, boot_id: boot },
        onCommand: (command, agent) => {
          if (isDeploy(command)) void answer(command, agent)
        },
      })
    const first = await link('boot-1')
    const id = await deploy([{ identity, agent: first }], { software_ids: [software, second] })
    await untilRestart(id, 'announced')
    first.close()
    const again = await link('boot-2')
    await untilRestart(id, 'done')
    fails = false
    await t.rest.call('deployments.retry', { params: { id }, body: {} })
    await expect.poll(async () => (await restartOf(id, 1))?.state).toBe('announced')
    expect(again.restarts).toMatchObject([{ action: 'restart', boot_id: 'boot-2' }])
    expect((await restartOf(id, 0))!.state).toBe('done')
  })
})

describe('people', () => {
  it('cancel pending and announced restarts, and none follows', async () => {
    const pc = await aPc('PC-01')
    const away = await aPc('PC-02')
    const id = await deploy([pc, away], { strategy: { max_concurrent: 1 } })
    await untilRestart(id, 'announced')
    const reply = await t.rest.call('deployments.cancel_restarts', { params: { id }, body: {} })
    expect(reply.restarts_canceled).toBe(true)
    await untilRestart(id, 'canceled')
    expect(pc.agent.restarts.map((r) => r.action)).toEqual(['restart', 'call_off'])
    await untilEnded(id)
    await settle()
    expect(away.agent.restarts.filter((r) => r.action === 'restart').length).toBeLessThanOrEqual(1)
    expect((await deploymentOf(id)).restarts).toMatchObject({ owed: 0, announced: 0, done: 0 })
    const again = await t.rest.raw('POST', `/deployments/${id}/restarts/cancel`, {})
    expect(again.status).toBe(409)
    expect(await auditRecordsOf(id)).toContain('deployment.restarts_cancel done')
  })

  it('cancel the restart of one PC, and another one restarts as planned', async () => {
    const pcs = [await aPc('PC-01'), await aPc('PC-02')]
    const id = await deploy(pcs, { reboot_delay_minutes: 25 })
    await untilEnded(id)
    for (const index of [0, 1])
      await expect.poll(async () => (await restartOf(id, index))?.state).toBe('announced')
    const cancel = () =>
      t.rest.raw('POST', `/deployments/${id}/restarts/cancel`, {
        device_ids: [pcs[0]!.identity.deviceId],
      })
    expect((await cancel()).body).toMatchObject({ restarts_canceled: false })
    await untilRestart(id, 'canceled')
    await settle()
    expect((await restartOf(id, 1))!.state).toBe('announced')
    expect(pcs.map(({ agent }) => agent.restarts.map((r) => r.action))).toEqual([
      ['restart', 'call_off'],
      ['restart'],
    ])
    expect((await cancel()).status).toBe(409)
  })

  it('cancel a deployment: a pending order is never sent, an announced one is withdrawn', async () => {
    const pc = await aPc('PC-01')
    const slow = await aPc('PC-02', { holds: true })
    const id = await deploy([pc, slow])
    await untilRestart(id, 'announced')
    await t.rest.call('deployments.cancel', { params: { id } })
    await untilRestart(id, 'canceled')
    expect(pc.agent.restarts.map((r) => r.action)).toEqual(['restart', 'call_off'])
    expect(slow.agent.restarts).toEqual([])
  })

  it('stop everything, including restarts of deployments that have ended', async () => {
    const pc = await aPc('PC-01')
    const id = await deploy([pc])
    await untilRestart(id, 'announced')
    await untilEnded(id)
    await t.rest.call('deployments.stop_all', {})
    await untilRestart(id, 'canceled')
    expect(pc.agent.restarts.map((r) => r.action)).toEqual(['restart', 'call_off'])
  })

  it('pause: the restart waits until they resume', async () => {
    const pc = await aPc('PC-01', { holds: true })
    const slow = await aPc('PC-02', { holds: true })
    const id = await deploy([pc, slow])
    await expect.poll(() => pc.agent.commands.length).toBe(1)
    await t.rest.call('deployments.pause', { params: { id } })
    await pc.agent.result(pc.agent.commands[0] as DeployPayload, NEEDS_RESTART)
    await expect.poll(async () => (await restartOf(id))?.reason).toBe('paused')
    await settle()
    expect(pc.agent.restarts).toEqual([])
    await t.rest.call('deployments.resume', { params: { id } })
    await untilRestart(id, 'announced')
  })
})

describe('a controller that stops', () => {
  it('before it received the answer repeats the order under the same id, so that there is one restart', async () => {
    const seen: RestartPayload[] = []
    const pc = await aPc('PC-01', {
      onRestart: (payload) => {
        seen.push(payload)
        return null
      },
    })
    const id = await deploy([pc])
    await expect.poll(() => seen.length).toBeGreaterThan(0)
    await t.restart()
    const back = await connect(pc.identity)
    await untilRestart(id, 'announced')
    expect(new Set([...seen, ...back.restarts].map((r) => r.restart_id)).size).toBe(1)
    expect(Math.min(...back.restarts.map((r) => r.sequence))).toBeGreaterThan(
      Math.max(...seen.map((r) => r.sequence)),
    )
  })

  it('while the PC restarted still records the restart', async () => {
    const pc = await aPc('PC-01')
    const id = await deploy([pc])
    await untilRestart(id, 'announced')
    await t.restart()
    await connect(pc.identity, { boot: 'boot-2' })
    await untilRestart(id, 'done')
  })

  it('with a withdrawal to send sends it after its start', async () => {
    const pc = await aPc('PC-01')
    const id = await deploy([pc])
    await untilRestart(id, 'announced')
    pc.agent.close()
    await t.rest.call('deployments.cancel_restarts', { params: { id }, body: {} })
    expect(await restartOf(id)).toMatchObject({ state: 'announced', calling_off: true })
    await t.restart()
    const back = await connect(pc.identity)
    await untilRestart(id, 'canceled')
    expect(back.restarts.map((r) => r.action)).toEqual(['call_off'])
  })
})

describe('a request', () => {
  it('is refused when the notice does not fit into the window, or is out of range', async () => {
    const identity = await t.enroll('PC-01')
    const body = {
      name: 'x',
      software_ids: [software],
      device_ids: [identity.deviceId],
      reboot: 'if_needed',
    }
    const post = (change: object) =>
      t.rest.raw('POST', '/deployments/create', { ...body, ...change })
    const window = { start: '22:00', end: '22:30' }
    expect((await post({ maintenance_window: window, reboot_delay_minutes: 30 })).status).toBe(400)
    expect((await post({ reboot_delay_minutes: 0 })).status).toBe(400)
    expect((await post({ reboot_delay_minutes: 1441 })).status).toBe(400)
    expect((await post({ reboot: 'always' })).status).toBe(400)
    expect(
      (await post({ maintenance_window: window, reboot_delay_minutes: 29 })).status,
    ).toBeLessThan(300)
  })
})
