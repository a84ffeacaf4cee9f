/**
 * The real controller and the real agent as a process, with their real journals and signatures. Two things are FAKED: the restart
 * command, which is only written down, and the package's need for a restart, which would be that of this computer: it is written
 * into the store. A PC that really restarts: build/nspawn/linux-restart.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { startRealAgent, type RealAgent } from '../../../test-kit/real-agent.ts'
import { startTestController, type TestController } from '../../../test-kit/test-controller.ts'

let t: TestController
let agent: RealAgent
beforeEach(async () => {
  t = await startTestController({
    discovery: false,
    timings: {
      presence: { connectGraceMs: 0, offlineAfterMs: 0 },
      engine: { heartbeatMs: 200, restartAgainMs: 500, ackTimeoutMs: 3_000 },
    },
  })
  const { code } = await t.rest.call('enrollments.create', { body: {} })
  agent = startRealAgent('PC-01', code, { boot: 'boot-1' })
})
afterEach(async () => {
  await agent.remove()
  await t.stop()
})

async function deployAndAsk(change: object = {}): Promise<DeploymentId> {
  const find = async () => (await t.rest.call('devices.list', {})).devices.find((d) => d.online)
  await expect.poll(find).toBeDefined()
  const software = await t.addScript('tool')
  const { deployment_id: id } = await t.rest.call('deployments.create', {
    body: {
      name: 'Office',
      software_ids: [software.id],
      device_ids: [(await find())!.id],
      reboot: 'if_needed',
      ...change,
    },
  })
  const status = async () => (await t.rest.call('deployments.get', { params: { id } })).status
  await expect.poll(status).toBe('completed')
  const db = new Database(join(t.dataDir, 'deployx.db'))
  db.exec("update deployment_targets set reason = 'reboot_pending'")
  db.close()
  return id
}
const stateOf = async (id: DeploymentId) =>
  (await t.rest.call('deployments.progress', { params: { id } })).targets[0]?.restart?.state
const untilRestart = (id: DeploymentId, state: string) => expect.poll(() => stateOf(id)).toBe(state)

it('restarts the PC once, and recognises the restart by the boot id', async () => {
  const id = await deployAndAsk({ reboot_delay_minutes: 15 })
  await untilRestart(id, 'announced')
  expect(agent.restartCalls()).toEqual([
    [
      '-r',
      '+15',
      expect.stringContaining('in 15 minutes to complete the installation (Office)') as string,
    ],
  ])
  await agent.reboot('boot-2')
  await untilRestart(id, 'done')
  expect(agent.restartCalls().length).toBe(1)
})

it('continues when the agent died between recording the order and acting on it, and when the controller died as well', async () => {
  await expect.poll(() => agent.output().includes('Connected')).toBe(true)
  agent.diesBeforeRestarting(true)
  const id = await deployAndAsk()
  await expect.poll(() => agent.hasDied()).toBe(true)
  expect(agent.restartCalls()).toEqual([])
  expect(await stateOf(id)).toBe('ordered')
  await t.restart()
  expect(await stateOf(id)).toBe('ordered')
  agent.diesBeforeRestarting(false)
  agent.restart()
  await untilRestart(id, 'announced')
  expect(agent.restartCalls().length).toBe(1)
  await agent.kill()
  agent.restart()
  await t.rest.call('deployments.cancel_restarts', { params: { id }, body: {} })
  await untilRestart(id, 'canceled')
  expect(agent.restartCalls().map(([first]) => first)).toEqual(['-r', '-c'])
})

it('starts no installation while the notice of a restart runs', async () => {
  const id = await deployAndAsk()
  await untilRestart(id, 'announced')
  const { targets } = await t.rest.call('deployments.progress', { params: { id } })
  // As if the controller had lost the order it sent.
  const db = new Database(join(t.dataDir, 'deployx.db'))
  db.exec("update device_restarts set state = 'given_up'")
  db.close()
  const second = await t.addScript('second')
  const later = await t.rest.call('deployments.create', {
    body: { name: 'later', software_ids: [second.id], device_ids: [targets[0]!.device_id] },
  })
  await expect.poll(() => agent.output()).toContain('is about to restart')
  const params = { id: later.deployment_id }
  const [target] = (await t.rest.call('deployments.progress', { params })).targets
  expect(target!.deployment_status).toBe('pending')
})
