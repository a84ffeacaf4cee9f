/**
 * The controller's process is suspended, as on a sleeping computer, while one PC works and another
 * waits; their links break meanwhile.
 */
import { expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { JUMP_MS } from '../base/clock.ts'
import { startControllerProcess } from '../test-kit/controller-process.ts'
import { eventually } from '../test-kit/scenario.ts'
import { connectSimAgent, enrollSimAgent } from '../test-kit/sim-agent.ts'

const OFFLINE_AFTER_MS = 500
/** Shorter than the suspension. */
const LEASE_MS = 8_000
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

it.runIf(process.platform !== 'win32')(
  'marks no PC offline before it could reconnect, after the controller was suspended',
  async () => {
    const controller = await startControllerProcess({
      timings: {
        presence: { connectGraceMs: 15_000, offlineAfterMs: OFFLINE_AFTER_MS },
        engine: { leaseMs: LEASE_MS, heartbeatMs: 100 },
      },
    })
    try {
      const { rest, hub } = controller
      const { code } = await rest.call('enrollments.create', { body: { max_uses: 3 } })
      const pcs = [await enrollSimAgent(hub, code, 'A'), await enrollSimAgent(hub, code, 'B')]
      const away = await enrollSimAgent(hub, code, 'C')
      const held: DeployPayload[] = []
      const connect = () =>
        pcs.map((identity) =>
          connectSimAgent(hub, identity, {
            attempts: () =>
              held
                .filter((command) => command.device_id === identity.deviceId)
                .map((command) => command.attempt_id),
            onCommand(command, agent) {
              if (command.action === 'cancel') return
              held.push(command)
              void agent.progress(command, 'installing')
            },
          }),
        )
      let links = connect()
      const allOnline = () =>
        eventually('both are there', async () => {
          const { devices } = await rest.call('devices.list', {})
          return devices.filter((device) => device.online).length === 2
        })
      await allOnline()
      const sent = await rest.upload('/software', { name: 'tool.sh', bytes: '#!/bin/sh\n' })
      const software_ids = [(sent.body as RouteReply<'software.create'>).id]
      const deploy = async (device_ids: (typeof away.deviceId)[]) => {
        const body = {
          ...{ name: 'tool', software_ids, device_ids },
          strategy: { max_concurrent: 1 },
        }
        const { deployment_id: id } = await rest.call('deployments.create', { body })
        return {
          id,
          states: async () =>
            (await rest.call('deployments.progress', { params: { id } })).targets.map(
              (t) => `${t.deployment_status} ${t.reason ?? ''}`,
            ),
        }
      }
      // Once this one has failed, the grace period of the start is over: only a new one can protect
      // the others.
      const first = await deploy([away.deviceId])
      await eventually('C is offline', async () => (await first.states())[0] === 'failed offline')
      const { id, states } = await deploy(pcs.map((pc) => pc.deviceId))
      await eventually('A works', async () => (await states())[0] === 'installing ')

      controller.pause()
      links.forEach((link) => link.close())
      await wait(2 * JUMP_MS + 1_000)
      controller.goOn()
      await wait(4 * OFFLINE_AFTER_MS)
      expect(await states()).toEqual(['installing ', 'pending connecting'])
      links = connect()
      await allOnline()
      await links[0]?.result(held[0]!, { status: 'success' })
      await eventually('B works', () => held.length === 2)
      await links[1]?.result(held[1]!, { status: 'success' })
      await eventually('it ends', async () => {
        const { status } = await rest.call('deployments.get', { params: { id } })
        return status === 'completed'
      })
      links.forEach((link) => link.close())
    } finally {
      await controller.remove()
    }
  },
)
