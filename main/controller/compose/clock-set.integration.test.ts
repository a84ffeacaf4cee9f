/**
 * The clocks of a controller and of an agent, both real processes, are set by days and years while
 * a deployment runs.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import {
  createProcessClock,
  hasFakeTime,
  startControllerProcess,
  type ControllerProcess,
} from '../test-kit/controller-process.ts'
import { startRealAgent, waitingInstaller, type RealAgent } from '../test-kit/real-agent.ts'
import { eventually } from '../test-kit/scenario.ts'
import type { RestClient } from '../test-kit/test-controller.ts'

const DAY = 24 * 3_600
const YEARS = 3_650 * DAY
const JUMPS: [string, number][] = [
  ['forward by a day', DAY],
  ['back by two days', -DAY],
  ['back by ten years', -YEARS],
  ['forward by twenty years', YEARS],
  ['back to the right time', 0],
]

describe.runIf(hasFakeTime)('a clock that is set', () => {
  const controllerClock = createProcessClock()
  const agentClock = createProcessClock()
  let controller: ControllerProcess
  let rest: RestClient
  beforeAll(async () => {
    controller = await startControllerProcess({ env: controllerClock.env })
    rest = controller.rest
  })
  afterAll(async () => {
    await controller.remove()
    for (const clock of [controllerClock, agentClock]) clock.remove()
  })
  const device = async (name: string) =>
    (await rest.call('devices.list', {})).devices.find((known) => known.name === name)
  async function withAgent(name: string, use: (agent: RealAgent) => Promise<void>): Promise<void> {
    const { code } = await rest.call('enrollments.create', { body: {} })
    const agent = startRealAgent(name, code, { env: agentClock.env })
    try {
      await eventually(`${name} is there`, async () => (await device(name))?.online)
      await use(agent)
    } finally {
      await agent.remove()
    }
  }
  /** The controller shows its new time: everything that depends on the clock has been shifted. */
  async function controllerShows(seconds: number, name: string): Promise<void> {
    controllerClock.set(seconds)
    // Existing tokens may have expired meanwhile, or not be valid yet.
    rest = await controller.signIn()
    await eventually('the controller has followed its clock', async () => {
      // For a PC with a link it is the current time.
      const seen = (await device(name))?.last_seen_at ?? ''
      const offMs = Date.parse(seen) - (Date.now() + seconds * 1_000)
      return Math.abs(offMs) < 5_000
    })
  }

  let tries = 0
  it('by days and years during a deployment has no effect on it', async () => {
    await withAgent(`pc-${++tries}`, async (agent) => {
      const text = waitingInstaller()
      const sent = await rest.upload('/software', { name: 'slow.sh', bytes: text })
      const software = sent.body as RouteReply<'software.create'>
      const { id: deviceId } = (await device(agent.name))!
      const { deployment_id: id } = await rest.call('deployments.create', {
        body: { name: agent.name, software_ids: [software.id], device_ids: [deviceId] },
      })
      const target = async () =>
        (await rest.call('deployments.progress', { params: { id } })).targets[0]!
      await eventually('it installs', async () => {
        const { deployment_status } = await target()
        return deployment_status === 'installing' && agent.runs() === 1
      })

      for (const [how, seconds] of JUMPS) {
        agentClock.set(-seconds)
        await controllerShows(seconds, agent.name)
        const { deployment_status, reason, started_at } = await target()
        expect([how, deployment_status, reason ?? null]).toEqual([how, 'installing', null])
        // An agent whose clock went forward considers its link stale (engine.io does) and opens
        // another.
        await eventually('it has a link', async () => (await device(agent.name))?.online)
        // The measured duration is the real one.
        const ranMs = Date.now() + seconds * 1_000 - Date.parse(started_at ?? '')
        expect(ranMs).toBeGreaterThan(-5_000)
        expect(ranMs).toBeLessThan(60_000)
      }
      agent.releaseInstaller()
      const ended = async () => (await rest.call('deployments.get', { params: { id } })).status
      await eventually('it ends', async () => (await ended()) !== 'in_progress')
      expect([await ended(), agent.runs()]).toEqual(['completed', 1])
      // A verdict that was corrected afterwards would be recorded twice.
      const { entries } = await rest.call('audit.list', { query: { limit: 200 } })
      const finished = entries.filter(
        ({ subject, action }) =>
          subject === `deployment ${agent.name}` && action !== 'deployment.create',
      )
      expect(finished).toHaveLength(1)
    })
  })

  it('back by a day does not prolong the delay after wrong passwords', async () => {
    controllerClock.set(0)
    const guess = () =>
      controller.anonymous.raw('POST', '/auth/login', { username: 'anna', password: 'wrong' })
    let refused = await guess()
    for (let i = 0; i < 10 && refused.status !== 429; i++) refused = await guess()
    const waitSeconds = Number(refused.headers.get('retry-after'))
    expect([refused.status, waitSeconds > 0]).toEqual([429, true])
    controllerClock.set(-DAY)
    await new Promise((resolve) => setTimeout(resolve, waitSeconds * 1_000 + 100))
    const { headers } = await controller.anonymous.raw('GET', '/health')
    expect(Date.parse(headers.get('date') ?? '')).toBeLessThan(Date.now() - 3_600_000)
    await controller.signIn()
  })

  it('back by ten years, as on a PC with an empty battery, does not keep an agent from its controller', async () => {
    controllerClock.set(0)
    rest = await controller.signIn()
    agentClock.set(-YEARS)
    await withAgent('empty battery', async (agent) => {
      await agent.kill()
      await eventually('it is offline', async () => (await device(agent.name))?.online === false)
      agent.restart()
      await eventually('it is back', async () => (await device(agent.name))?.online)
    })
  })
})
