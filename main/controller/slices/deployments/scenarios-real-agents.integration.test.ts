/** Scenarios with the real agent as a process, killed as by a power cut: the installer runs once, its result is reported once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { startRealAgent, waitingInstaller, type RealAgent } from '../../test-kit/real-agent.ts'
import { eventually, setStage, type Stage } from '../../test-kit/scenario.ts'
import { DONE } from '../../test-kit/scenarios/timings.ts'
import { createWorkedClock } from '../../test-kit/worked-clock.ts'

/** Longer than the agent needs to start again on a busy machine, short enough for a test. */
const LEASE_MS = 8_000

const clock = createWorkedClock()
let stage: Stage
beforeAll(async () => {
  stage = await setStage({
    clock,
    timings: {
      presence: { connectGraceMs: 0, offlineAfterMs: 0 },
      engine: { leaseMs: LEASE_MS, heartbeatMs: 200 },
    },
  })
})
afterAll(() => stage.clear())

const targetOf = async (id: DeploymentId) => {
  const { targets } = await stage.rest.call('deployments.progress', { params: { id } })
  return targets[0]!
}
const chainOf = async (id: DeploymentId) => stage.observer.chain((await targetOf(id)).id)
const untilStatus = (id: DeploymentId, status: string) =>
  eventually(status, () => stage.observer.status(id) === status)

/** A real agent on a PC where an installer is running. */
async function installing(
  name: string,
  exitCode: number,
  play: (agent: RealAgent, id: DeploymentId, deviceId: DeviceId) => Promise<void>,
): Promise<void> {
  const agent = startRealAgent(name, stage.code)
  try {
    const find = async () =>
      (await stage.rest.call('devices.list', {})).devices.find((d) => d.name === name && d.online)
    await eventually(`${name} is online`, find)
    const deviceId = (await find())!.id
    const software = await stage.t.addScript(`slow-${name}`, waitingInstaller(exitCode))
    const { deployment_id } = await stage.rest.call('deployments.create', {
      body: { name, software_ids: [software.id], device_ids: [deviceId] },
    })
    const { id } = await targetOf(deployment_id)
    await eventually(
      'the installer runs',
      () => agent.runs() === 1 && stage.observer.state(id) === 'installing',
    )
    await play(agent, deployment_id, deviceId)
    expect(agent.runs()).toBe(1)
  } catch (error) {
    throw new Error(`${String(error)}\n${agent.output().slice(-2_000)}`, { cause: error })
  } finally {
    await agent.remove()
  }
}

describe.concurrent('a real agent that is killed while its installer runs', () => {
  it('continues after its restart, and the installation succeeds', () =>
    installing('REAL-01', 0, async (agent, id) => {
      await agent.kill()
      agent.restart()
      agent.releaseInstaller()
      await untilStatus(id, 'completed')
      expect(await chainOf(id)).toEqual(expect.arrayContaining(DONE))
      const target = await targetOf(id)
      expect(target).toMatchObject({ deployment_status: 'completed', attempt: 1, exit_code: 0 })
      const params = { id, target_id: target.id }
      const { text } = await stage.rest.call('deployments.output', { params })
      expect(text).toBe('before\nafter\n')
    }))
  it('reports once the failure that happened while it was down', () =>
    installing('REAL-02', 7, async (agent, id) => {
      await agent.kill()
      agent.releaseInstaller()
      await new Promise((resolve) => setTimeout(resolve, 500))
      agent.restart()
      await untilStatus(id, 'failed')
      expect(await targetOf(id)).toMatchObject({
        deployment_status: 'failed',
        reason: 'install_failed',
        exit_code: 7,
        result_message: expect.stringMatching(/exit code 7/) as string,
      })
    }))
  it('and never returns is given up when its lease ends', () =>
    installing('REAL-03', 0, async (agent, id) => {
      await agent.kill()
      await untilStatus(id, 'failed')
      expect((await chainOf(id)).at(-1)).toBe('failed lease_expired')
    }))
  it('and returns after it was given up still has its result recorded', () =>
    installing('REAL-04', 0, async (agent, id) => {
      await agent.kill()
      agent.releaseInstaller()
      await untilStatus(id, 'failed')
      agent.restart()
      await untilStatus(id, 'completed')
      const chain = (await chainOf(id)).slice(-3)
      expect(chain).toEqual(['installing', 'failed lease_expired', 'completed'])
      expect(await targetOf(id)).toMatchObject({ attempt: 1, exit_code: 0 })
    }))
  it('and whose deployment is cancelled meanwhile lets the installer finish and reports it', () =>
    installing('REAL-05', 0, async (agent, id) => {
      await agent.kill()
      await stage.rest.call('deployments.cancel', { params: { id } })
      agent.restart()
      agent.releaseInstaller()
      await untilStatus(id, 'canceled')
      expect(await targetOf(id)).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
    }))
})
