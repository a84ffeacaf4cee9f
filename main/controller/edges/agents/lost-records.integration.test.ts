/**
 * A real agent that has lost its journal, against the real controller: the loss is in the audit
 * log, and the agent works again.
 */
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startRealAgent, type RealAgent } from '../../test-kit/real-agent.ts'
import { eventually } from '../../test-kit/scenario.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

let t: TestController
let agent: RealAgent
beforeEach(async () => {
  t = await startTestController({
    timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 }, engine: { heartbeatMs: 200 } },
  })
  const { code } = await t.rest.call('enrollments.create', { body: { max_uses: 1 } })
  agent = startRealAgent('PC-12', code)
})
afterEach(async () => {
  await agent.remove()
  await t.stop()
})

const device = async () => (await t.rest.call('devices.list', {})).devices[0]
const isOnline = async () => (await device())?.online
const untilOnline = () => eventually('it is online', isOnline)
const untilOffline = () => eventually('it is offline', async () => (await isOnline()) === false)

it('records a lost journal in the audit log once, and the next deployment runs', async () => {
  await untilOnline()
  const software = await t.addScript('tool')
  async function deploy(): Promise<void> {
    const { deployment_id } = await t.rest.call('deployments.create', {
      body: { name: 'tool', software_ids: [software.id], device_ids: [(await device())!.id] },
    })
    await eventually('it is completed', async () => {
      const found = await t.rest.call('deployments.progress', { params: { id: deployment_id } })
      return found.status === 'completed'
    })
  }
  await deploy()
  for (let starts = 0; starts < 2; starts++) {
    await agent.kill()
    await untilOffline()
    if (starts === 0) truncateSync(join(agent.state, 'journal.log'), 0)
    agent.restart()
    await untilOnline()
    await deploy()
  }
  const { entries } = await t.rest.call('audit.list', {
    query: { action: 'device.records_lost' },
  })
  expect(entries).toHaveLength(1)
  expect(entries[0]!.details).toContain('journal.log is empty')
})
