/** A real controller here and the built agent in a Windows of its own, enrolled by code. For the Windows tests. */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { SoftwareFields } from '#shared/contract/requests.ts'
import type { DeploymentId, DeviceId, SoftwareId } from '#shared/domain/ids.ts'
import { rest } from '#shared/contract/rest.ts'
import { startTestController } from '../../main/controller/test-kit/test-controller.ts'
import { targetsByIds } from '../agent/targets.ts'
import { packageAgents } from '../package-agent.ts'
import { copyForWine, openWindows, type Windows, type WindowsProgram } from './prefix.ts'

const AGENT = 'C:\\Agent\\deployx-agent.exe'
const STATE = 'C:\\ProgramData\\DeployX\\agent'
const START_TIMEOUT_MS = 60_000
const END_TIMEOUT_MS = 90_000
const POLL_MS = 100

export type WindowsStage = Awaited<ReturnType<typeof setWindowsStage>>

async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  timeoutMs: number,
): Promise<T> {
  const endAt = Date.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > endAt) throw new Error(`${what}: not within ${timeoutMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** End it with `close`. */
export async function setWindowsStage() {
  const [made] = await packageAgents(targetsByIds(['win-x64']), (message) => console.error(message))
  const controller = await startTestController()
  const windows: Windows = await openWindows()
  const installers = path.join(windows.folder, 'installers')
  await fs.mkdir(installers)
  await copyForWine(made!.file, windows.unixPath(AGENT))
  const { rest: client } = controller
  let agent: WindowsProgram | null = null
  let device: DeviceId | null = null

  const isOnline = async (): Promise<boolean> =>
    device !== null && (await client.call('devices.get', { params: { id: device } })).online

  async function startAgent(words: readonly string[] = []): Promise<WindowsProgram> {
    agent = windows.start([AGENT, 'run', '--state', STATE, ...words], {
      DEPLOYX_LOG_LEVEL: 'debug',
    })
    return agent
  }

  return {
    controller,
    windows,
    installers,
    agentPath: AGENT,
    statePath: STATE,
    said: () => agent?.said() ?? '',
    startAgent,
    /** Enrols with a new code and waits until the console sees it. */
    async enrollAgent(): Promise<void> {
      const { code } = await client.call('enrollments.create', { body: {} })
      await startAgent(['--code', code, '--name', 'OFFICE-7'])
      device = await until(
        'an enrolled Windows PC',
        async () => (await client.call('devices.list', {})).devices[0]?.id,
        START_TIMEOUT_MS,
      )
      await until('a connected Windows PC', isOnline, START_TIMEOUT_MS)
    },
    device: () => client.call('devices.get', { params: { id: device! } }),
    isOnline,
    untilOnline: () => until('the Windows PC to come back', isOnline, START_TIMEOUT_MS),
    async killAgent(): Promise<void> {
      agent?.process.kill('SIGKILL')
      await agent?.ended
    },
    async addSoftware(file: string, fields: Partial<SoftwareFields> = {}) {
      const texts = Object.entries(fields).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ])
      const upload = { name: path.basename(file), bytes: new Uint8Array(await fs.readFile(file)) }
      const reply = await controller.rest.upload(
        '/software',
        upload,
        Object.fromEntries(texts) as Record<string, string>,
      )
      if (reply.status >= 300) throw new Error(JSON.stringify(reply.body))
      return rest['software.create'].reply.parse(reply.body)
    },
    async start(
      software: { id: SoftwareId; name: string },
      more: { action?: 'install' | 'uninstall'; timeout_seconds?: number } = {},
    ): Promise<DeploymentId> {
      const { deployment_id } = await client.call('deployments.create', {
        body: {
          name: software.name,
          software_ids: [software.id],
          device_ids: [device!],
          ...more,
        },
      })
      return deployment_id
    },
    async phase(id: DeploymentId): Promise<string> {
      const { targets } = await client.call('deployments.progress', { params: { id } })
      return targets[0]!.deployment_status
    },
    /** The one target of an ended deployment, and the installer's output. */
    async ended(id: DeploymentId) {
      await until(
        'the end of a deployment',
        async () => (await client.call('deployments.get', { params: { id } })).ended_at !== null,
        END_TIMEOUT_MS,
      )
      const { targets } = await client.call('deployments.progress', { params: { id } })
      const target = targets[0]!
      const { text } = await client.call('deployments.output', {
        params: { id, target_id: target.id },
      })
      return { ...target, output: text }
    },
    until,
    async close(): Promise<void> {
      await windows.close()
      await controller.stop()
    },
  }
}
