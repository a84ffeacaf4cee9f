/** End to end with the real agent: unplugged, waiting, plugged in, installed. Linux: a folder stands for the PC's power supply. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startRealAgent, type RealAgent } from '../../../test-kit/real-agent.ts'
import { startTestController, type TestController } from '../../../test-kit/test-controller.ts'

const HELD_RETRY_MS = 1_000

let t: TestController
let agent: RealAgent
beforeEach(async () => {
  t = await startTestController({
    timings: {
      presence: { connectGraceMs: 0, offlineAfterMs: 0 },
      engine: { heldRetryMs: HELD_RETRY_MS, heartbeatMs: 200 },
    },
  })
  const { code } = await t.rest.call('enrollments.create', { body: {} })
  agent = startRealAgent('LAPTOP-1', code)
})
afterEach(async () => {
  await agent.remove()
  await t.stop()
})

function battery(status: 'Charging' | 'Discharging'): void {
  const folder = join(agent.root, 'sys/class/power_supply/BAT0')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'type'), 'Battery\n')
  writeFileSync(join(folder, 'status'), `${status}\n`)
}

it.runIf(process.platform === 'linux')(
  'a laptop on battery waits until it is plugged in, then runs the installer once, in one attempt',
  async () => {
    battery('Discharging')
    await t.rest.call('settings.update', { body: { work_on_battery: false } })
    const online = async () => (await t.rest.call('devices.list', {})).devices.find((d) => d.online)
    await expect.poll(online).toBeDefined()
    const script = '#!/bin/sh\necho run >> "$DEPLOYX_INSTALL_ROOT/runs"\n'
    const software = await t.addScript('tool', script)
    const body = { name: 'd', software_ids: [software.id], device_ids: [(await online())!.id] }
    const foreseen = async () =>
      (await t.rest.call('deployments.preflight', { body })).targets[0]!.held_by
    expect(await foreseen()).toBe('on_battery')
    battery('Charging')
    expect(await foreseen()).toBeUndefined()
    battery('Discharging')
    const { deployment_id: id } = await t.rest.call('deployments.create', { body })
    const target = async () =>
      (await t.rest.call('deployments.progress', { params: { id } })).targets[0]!
    const held = { deployment_status: 'pending', reason: 'retry_later', held_by: 'on_battery' }
    await expect.poll(target).toMatchObject(held)
    // It has been offered several times by now.
    await new Promise((resolve) => setTimeout(resolve, 4 * HELD_RETRY_MS))
    expect(await target()).toMatchObject({ ...held, attempt: 1 })
    expect(agent.runs()).toBe(0)
    battery('Charging')
    await expect.poll(async () => (await target()).deployment_status).toBe('completed')
    expect(await target()).toMatchObject({ attempt: 1, exit_code: 0 })
    expect(agent.runs()).toBe(1)
  },
)
