/**
 * Controllers in separate folders, with real agents, for tests of a controller's identity: keys,
 * loss, recovery.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { until as waitUntil } from '#shared/test-kit/until.ts'
import { startController, type Controller, type ControllerOptions } from '../compose/index.ts'
import { startRealAgent, type RealAgent } from './real-agent.ts'
import { createRestClient, type RestClient } from './test-controller.ts'
import { TEST_WORKERS_DIR } from './workers.ts'
import { MIGRATIONS_DIR } from './paths.ts'

const ANNA = { username: 'anna', password: 'correct horse' }
const PASSPHRASE = 'a long way from home'

export type OwnControllers = ReturnType<typeof openOwnControllers>

/** End it with `remove`. */
export function openOwnControllers() {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-identity-'))
  const agents: RealAgent[] = []
  const controllers: Controller[] = []

  async function start(
    dataDir: string,
    hubPort = 0,
    more: Partial<ControllerOptions> = {},
  ): Promise<Controller> {
    const controller = await startController({
      dataDir: join(folder, dataDir),
      migrationsDir: MIGRATIONS_DIR,
      workersDir: TEST_WORKERS_DIR,
      rendererDir: null,
      version: '0.0.0-test',
      hubHost: '127.0.0.1',
      hubPort,
      consolePort: 0,
      allowedOrigins: [],
      log: pino({ level: process.env['DEPLOYX_LOG_LEVEL'] ?? 'silent' }, pino.destination(2)),
      ...more,
    })
    controllers.push(controller)
    return controller
  }
  async function stop(controller: Controller): Promise<void> {
    controllers.splice(controllers.indexOf(controller), 1)
    await controller.stop()
  }
  const portOf = (controller: Controller): number => Number(new URL(controller.hubUrl).port)

  async function signIn(
    controller: Controller,
    how: 'setup' | 'login' = 'login',
  ): Promise<RestClient> {
    const { token } = await createRestClient(controller.consoleUrl).call(`auth.${how}`, {
      body: ANNA,
    })
    return createRestClient(controller.consoleUrl, token)
  }
  async function addAgent(rest: RestClient): Promise<RealAgent> {
    const { code } = await rest.call('enrollments.create', { body: {} })
    const agent = startRealAgent(`pc-${agents.length + 1}`, code)
    agents.push(agent)
    await until(async () => (await online(rest)) === agents.length)
    return agent
  }
  const online = async (rest: RestClient): Promise<number> =>
    (await rest.call('devices.list', {})).devices.filter((device) => device.online).length

  const until = (holds: () => Promise<boolean> | boolean): Promise<unknown> =>
    waitUntil('it has come about', holds)
  /**
   * Runs a deployment of a script to the first device, and returns how it ended: covers signature
   * and download.
   */
  async function deploys(rest: RestClient): Promise<string> {
    const sent = await rest.upload('/software', { name: 'tool.sh', bytes: '#!/bin/sh\nexit 0\n' })
    const { deployment_id } = await rest.call('deployments.create', {
      body: {
        name: 'check',
        software_ids: [(sent.body as { id: number }).id],
        device_ids: [1],
        group_ids: [],
        custom_software: [],
      },
    })
    let status = ''
    await until(async () => {
      status = (await rest.call('deployments.get', { params: { id: deployment_id } })).status
      return status !== 'pending' && status !== 'in_progress'
    })
    return status
  }
  async function saveRecoveryFile(
    controller: Controller,
    token: string,
    passphrase = PASSPHRASE,
  ): Promise<Response> {
    return fetch(`${controller.consoleUrl}/controller/recovery-file`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ passphrase }),
    })
  }
  const tokenOf = async (controller: Controller): Promise<string> =>
    (await createRestClient(controller.consoleUrl).call('auth.login', { body: ANNA })).token
  async function saved(controller: Controller): Promise<Uint8Array<ArrayBuffer>> {
    const reply = await saveRecoveryFile(controller, await tokenOf(controller))
    if (reply.status !== 200) throw new Error(`no recovery file: ${reply.status}`)
    return new Uint8Array(await reply.arrayBuffer())
  }
  const restore = (
    controller: Controller,
    bytes: Uint8Array<ArrayBuffer>,
    fields: Record<string, string> = {},
  ) =>
    createRestClient(controller.consoleUrl).upload(
      '/controller/restore',
      { name: '../../x.recovery', bytes },
      { passphrase: PASSPHRASE, ...fields },
    )
  /**
   * On another computer: an empty controller restores the file and is restarted, as the desktop app
   * does.
   */
  async function takeUp(
    dataDir: string,
    bytes: Uint8Array<ArrayBuffer>,
    hubPort: number,
    fields: Record<string, string> = {},
  ): Promise<Controller> {
    let restarts = 0
    const empty = await start(dataDir, 0, { onRestored: () => restarts++ })
    const reply = await restore(empty, bytes, fields)
    if (reply.status !== 200) throw new Error(`not restored: ${JSON.stringify(reply.body)}`)
    await until(() => restarts === 1)
    await stop(empty)
    return start(dataDir, hubPort)
  }

  async function remove(): Promise<void> {
    for (const agent of agents) await agent.remove()
    for (const controller of controllers) await controller.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return {
    folder,
    start,
    stop,
    portOf,
    signIn,
    addAgent,
    online,
    until,
    deploys,
    saveRecoveryFile,
    tokenOf,
    saved,
    restore,
    takeUp,
    remove,
  }
}
