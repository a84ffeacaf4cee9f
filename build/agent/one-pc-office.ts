/**
 * A controller with one PC, for the tests of the packaged agents: enrol the PC, deploy to it, wait for the
 * result.
 */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { CreateDeploymentInput } from '#shared/contract/rest/deployment-requests.ts'
import type { SoftwareFields } from '#shared/contract/rest/software.ts'
import { rest } from '#shared/contract/rest/routes.ts'
import type { DeploymentId, DeviceId, SoftwareId } from '#shared/domain/ids.ts'
import { until } from '#shared/test-kit/until.ts'
import {
  startTestController,
  type TestController,
} from '../../main/controller/test-kit/test-controller.ts'

const POLLING = { limitMs: 120_000, intervalMs: 100 }

export type OnePcOffice = Awaited<ReturnType<typeof openOnePcOffice>>

/**
 * Call `close` when done. @param agentsDir folder of the agents that the controller offers, also as updates
 */
export async function openOnePcOffice(agentsDir: string | null = null) {
  const controller: TestController = await startTestController({
    agentsDir,
    timings: { updates: { lookMs: 500 } },
  })
  const client = controller.rest
  let device: DeviceId | null = null

  const theDevice = () => client.call('devices.get', { params: { id: device! } })
  const untilOnline = () =>
    until('the PC to be online', async () => (await theDevice()).online, POLLING)

  return {
    makeCode: async (): Promise<string> =>
      (await client.call('enrollments.create', { body: {} })).code,
    /** The command line to paste on a Linux PC. */
    linuxLine: async (): Promise<string> =>
      (await client.call('enrollments.create', { body: {} })).commands.linux,
    /** Waits until an agent that was started with a code is enrolled and connected. */
    async untilEnrolled(): Promise<void> {
      device = await until(
        'an enrolled PC',
        async () => (await client.call('devices.list', {})).devices[0]?.id,
        POLLING,
      )
      await untilOnline()
    },
    untilOnline,
    device: theDevice,
    inventory: () => client.call('devices.inventory', { params: { id: device! } }),
    async addSoftware(file: string, fields: Partial<SoftwareFields> = {}) {
      const texts = Object.entries(fields).map(([key, value]): [string, string] => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ])
      const upload = { name: path.basename(file), bytes: new Uint8Array(await fs.readFile(file)) }
      const reply = await client.upload('/software', upload, Object.fromEntries(texts))
      if (reply.status >= 300) throw new Error(JSON.stringify(reply.body))
      return rest['software.create'].reply.parse(reply.body)
    },
    async start(
      software: { id: SoftwareId; name: string },
      more: Partial<CreateDeploymentInput> = {},
    ): Promise<DeploymentId> {
      const body = {
        name: software.name,
        software_ids: [software.id],
        device_ids: [device!],
        ...more,
      }
      return (await client.call('deployments.create', { body })).deployment_id
    },
    /** What the console shows for the only target. */
    target: async (id: DeploymentId) =>
      (await client.call('deployments.progress', { params: { id } })).targets[0]!,
    cancelRestarts: (id: DeploymentId) =>
      client.call('deployments.cancel_restarts', { params: { id }, body: {} }),
    /** The only target of a finished deployment, and the installer's output. */
    async untilEnded(id: DeploymentId) {
      const params = { id }
      await until(
        'the end of a deployment',
        async () => (await client.call('deployments.get', { params })).ended_at !== null,
        POLLING,
      )
      const target = (await client.call('deployments.progress', { params })).targets[0]!
      const where = { params: { id, target_id: target.id } }
      return { ...target, output: (await client.call('deployments.output', where)).text }
    },
    close: () => controller.stop(),
  }
}
