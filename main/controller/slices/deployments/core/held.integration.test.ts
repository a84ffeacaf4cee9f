/**
 * PCs that defer work, from the controller's side: their targets wait, are offered again, and nothing is counted or run twice.
 * The agents are simulated; agent/conditions/held.integration.test.ts tests the real one.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CommandReply, DeployPayload } from '#shared/contract/agent/link.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import type { SimAgent } from '../../../test-kit/sim-agent.ts'
import { startTestController, type TestController } from '../../../test-kit/test-controller.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

const QUICK = {
  presence: { connectGraceMs: 0, offlineAfterMs: 0 },
  engine: { heldRetryMs: 300, heartbeatMs: 100, ackTimeoutMs: 2_000 },
}
const ON_BATTERY: CommandReply = {
  accepted: false,
  why: 'on_battery',
  message: 'This PC is on battery power.',
}
const HELD = { deployment_status: 'pending', reason: 'retry_later', held_by: 'on_battery' }

let t: TestController
let agent: SimAgent
/** What the PC answers now. */
let answer: CommandReply
/** What the PC does with a command it has accepted. */
let work: (command: DeployPayload) => Promise<unknown>
let id: DeploymentId

const target = async () =>
  (await t.rest.call('deployments.progress', { params: { id } })).targets[0]!
const status = async () => (await t.rest.call('deployments.get', { params: { id } })).status
const deploys = (): DeployPayload[] =>
  agent.commands.filter((command) => command.action === 'install')
async function finish(command: DeployPayload): Promise<void> {
  await agent.progress(command, 'downloading', 1)
  await agent.progress(command, 'installing')
  await agent.result(command, {})
}
const deferWork = (command: DeployPayload) => {
  const { deployment_id, target_id, attempt, attempt_id } = command
  return agent.socket.timeout(EVENT_LIMIT_MS).emitWithAck('deployment_progress', {
    ...{ deployment_id, target_id, attempt, attempt_id },
    phase: 'downloading',
    reason: 'retry_later',
    held_by: 'on_battery',
  })
}

beforeEach(async () => {
  t = await startTestController({ timings: QUICK })
  await t.rest.call('settings.update', { body: { work_on_battery: false } })
  answer = ON_BATTERY
  work = finish
  const identity = await t.enroll('LAPTOP-1')
  agent = await t.connect(identity, {
    reconnection: true,
    answer: (command) =>
      command.action === 'cancel'
        ? { accepted: false, why: 'unknown_attempt', message: 'not known' }
        : answer,
    onCommand: (command) => {
      if (command.action !== 'cancel') void work(command).catch(() => undefined)
    },
  })
  const software = await t.addScript('tool')
  const created = await t.rest.call('deployments.create', {
    body: {
      name: 'd',
      software_ids: [software.id],
      device_ids: [identity.deviceId],
      offline_policy: 'wait',
    },
  })
  id = created.deployment_id
})
afterEach(() => t.stop())

it('shows deferred targets as waiting, offers them again, and continues in the same attempt', async () => {
  await expect.poll(deploys).toHaveLength(3)
  expect(await target()).toMatchObject({
    ...HELD,
    attempt: 1,
    result_message: 'Waiting: the PC is on battery power.',
    result_code: 'held_on_battery',
    result_params: {},
  })
  answer = { accepted: true }
  await expect.poll(status).toBe('completed')
  const ended = await target()
  expect(ended).toMatchObject({ deployment_status: 'completed', attempt: 1 })
  expect(ended.held_by).toBeUndefined()
  expect(new Set(deploys().map((command) => command.attempt_id)).size).toBe(1)
  expect(deploys()[0]!.conditions).toEqual({ on_battery: false, on_metered: true })
  const params = { id, target_id: ended.id }
  expect((await t.rest.call('deployments.attempts', { params })).attempts).toHaveLength(1)
})

it('never shows a deferred target as running while it is offered again', async () => {
  const seen = new Set<string>()
  const feed = t.feed()
  feed.on('targets_updated', ({ targets }) =>
    targets.forEach((one) => seen.add(`${one.deployment_status} ${one.reason ?? ''}`)),
  )
  await expect.poll(() => feed.connected).toBe(true)
  await expect.poll(async () => (await target()).held_by).toBe('on_battery')
  seen.clear()
  const asked = deploys().length
  await expect.poll(() => deploys().length).toBeGreaterThan(asked + 2)
  expect([...seen]).toEqual(['pending retry_later'])
})

it('returns a deferred download to pending, and sends it again under the same attempt', async () => {
  answer = { accepted: true }
  work = async (command) => {
    await agent.progress(command, 'downloading', 1)
    answer = ON_BATTERY
    work = finish
    await deferWork(command)
    // As if the acknowledgement was lost: the repeated report changes nothing.
    await deferWork(command)
  }
  await expect.poll(target).toMatchObject({ ...HELD, attempt: 1 })
  answer = { accepted: true }
  await expect.poll(status).toBe('completed')
  expect((await target()).attempt).toBe(1)
  expect(new Set(deploys().map((command) => command.attempt_id)).size).toBe(1)
})

it('does not let a PC defer an installation that is running', async () => {
  answer = { accepted: true }
  work = async (command) => {
    await agent.progress(command, 'installing')
    await deferWork(command)
    await agent.result(command, {})
  }
  await expect.poll(status).toBe('completed')
  expect(deploys()).toHaveLength(1)
})

it('keeps the start of a deferral until the PC works, also across a restart', async () => {
  const since = () => {
    const database = new Database(join(t.dataDir, 'deployx.db'), { readonly: true })
    const found: unknown = database
      .prepare('select held_since_ms from deployment_targets')
      .pluck()
      .get()
    database.close()
    return found as number | null
  }
  await expect.poll(since).not.toBeNull()
  const first = since()
  await t.restart()
  // Accepted, and deferred before anything was done.
  answer = { accepted: true }
  work = deferWork
  const asked = deploys().length
  await expect.poll(() => deploys().length).toBeGreaterThan(asked + 1)
  expect(since()).toBe(first)
  work = async (command) => {
    await agent.progress(command, 'downloading', 1)
  }
  await expect.poll(since).toBeNull()
})

it('cancels deferred targets immediately', async () => {
  await expect.poll(async () => (await target()).held_by).toBe('on_battery')
  await t.rest.call('deployments.cancel', { params: { id } })
  await expect.poll(status).toBe('canceled')
  expect(await target()).toMatchObject({ deployment_status: 'skipped', reason: 'canceled' })
})

it('applies settings that the administrator changes while targets are deferred', async () => {
  await expect.poll(async () => (await target()).held_by).toBe('on_battery')
  await t.rest.call('settings.update', {
    body: { work_on_battery: true, work_on_metered: false },
  })
  await expect
    .poll(() => deploys().at(-1)!.conditions)
    .toEqual({ on_battery: true, on_metered: false })
})

it('restarts the waiting time when someone retries a target that was deferred for too long', async () => {
  await expect.poll(async () => (await target()).held_by).toBe('on_battery')
  const database = new Database(join(t.dataDir, 'deployx.db'))
  database.exec('update deployment_targets set held_since_ms = held_since_ms - 3600000')
  database.exec('update deployments set ready_since_ms = ready_since_ms - 3600000')
  database.close()
  await expect.poll(status).toBe('failed')
  expect(await target()).toMatchObject({
    deployment_status: 'failed',
    reason: 'rejected_by_agent',
    held_by: 'on_battery',
    result_message:
      'LAPTOP-1 was on battery power for 60 minutes. Plug it in and retry, or allow work on battery power in the settings.',
    result_code: 'on_battery_too_long',
    result_params: { device: 'LAPTOP-1', n: 60 },
  })
  answer = { accepted: true }
  await t.rest.call('deployments.retry', { params: { id }, body: {} })
  await expect.poll(status).toBe('completed')
  expect((await target()).attempt).toBe(2)
})
