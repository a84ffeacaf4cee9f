/** A package whose stored copy is damaged: PCs report that it does not match, the controller finds the cause, and an upload repairs it. */
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Software } from '#shared/contract/rest/software.ts'
import type { WireError } from '#shared/contract/errors.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { until } from '#shared/test-kit/until.ts'
import type { SimAgent, SimIdentity } from '../../test-kit/sim-agent.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const SCRIPT = '#!/bin/sh\nexit 0\n'
const NETWORK_WORDS = 'The package does not match its SHA-256.'
let t: TestController
let tool: Software
let identity: SimIdentity
beforeEach(async () => {
  t = await startTestController()
  tool = await t.addScript('tool', SCRIPT)
  identity = await t.enroll('PC-1')
})
afterEach(() => t.stop())

function storedFile(): string {
  const root = join(t.dataDir, 'content')
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).find((name) =>
    statSync(join(root, name)).isFile(),
  )
  return join(root, found!)
}
const damage = (): void => writeFileSync(storedFile(), SCRIPT.replace('0', '7'))
const create = () =>
  t.rest.raw('POST', '/deployments/create', {
    name: 'd',
    software_ids: [tool.id],
    device_ids: [identity.deviceId],
  })
const deploy = async () => ((await create()).body as { deployment_id: DeploymentId }).deployment_id
const targetOf = async (id: DeploymentId) =>
  (await t.rest.call('deployments.progress', { params: { id } })).targets[0]!
const installer = async () => (await t.rest.call('software.list', {})).software[0]!.installers[0]!
const uploadAgain = () =>
  t.rest.upload(`/software/${tool.id}/installers/${tool.installers[0]!.id}/file`, {
    name: 'tool.sh',
    bytes: SCRIPT,
  })
const fetchPackage = (path: string) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const options = { host: '127.0.0.1', port: t.hub.port, path, ca: t.hub.cert }
    request({ ...options, servername: 'deployx.invalid' }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
      .on('error', reject)
      .end()
  })
/** Fetches and reports as an agent would. */
async function work(agent: SimAgent, command: SimAgent['commands'][number]): Promise<void> {
  if (command.action !== 'install') return
  const { status, text } = await fetchPackage(command.url)
  if (text === SCRIPT) return void (await agent.result(command, {}))
  await agent.result(command, {
    status: 'failed',
    reason: status === 200 ? 'integrity' : 'download_failed',
    message: status === 200 ? NETWORK_WORDS : `The server answered ${status}.`,
  })
}
const connect = () =>
  t.connect(identity, { onCommand: (command, agent) => void work(agent, command) })

describe('a stored package that is damaged at the same length', () => {
  it('is detected after the first PC reports it, refused from then on, and repaired by an upload', async () => {
    await connect()
    damage()
    const id = await deploy()
    await until(
      'the message names it',
      async () => (await targetOf(id)).result_message?.includes('damaged') ?? false,
    )
    expect(await targetOf(id)).toMatchObject({
      deployment_status: 'failed',
      reason: 'integrity',
      result_message:
        'The controller’s copy of the file is damaged. Upload it again under Software, then retry.',
      error_details: NETWORK_WORDS,
    })
    expect(await installer()).toMatchObject({ file_damaged: true, file_missing: false })
    const refused = await create()
    expect(refused.status).toBe(409)
    expect((refused.body as { error: WireError }).error).toMatchObject({
      code: 'E_ILLEGAL_STATE',
      message: 'The file of tool is damaged on this controller. Upload it again under Software.',
    })
    // A retry sends nothing.
    await t.rest.call('deployments.retry', { params: { id }, body: {} })
    await until(
      'its target is failed',
      async () => (await targetOf(id)).deployment_status === 'failed',
    )
    expect(await targetOf(id)).toMatchObject({ attempt: 2, reason: 'integrity' })

    expect((await uploadAgain()).body).toEqual(tool)
    expect(readFileSync(storedFile(), 'utf8')).toBe(SCRIPT)
    await t.rest.call('deployments.retry', { params: { id }, body: {} })
    await until(
      'its target is completed',
      async () => (await targetOf(id)).deployment_status === 'completed',
    )
  })

  it('stays refused after a restart', async () => {
    await connect()
    damage()
    const id = await deploy()
    await until('it is marked as damaged', async () => (await installer()).file_damaged)
    await until(
      'its target is failed',
      async () => (await targetOf(id)).deployment_status === 'failed',
    )
    await t.restart()
    expect(await installer()).toMatchObject({ file_damaged: true })
    expect((await create()).status).toBe(409)
    await t.addScript('the same bytes under another name', SCRIPT)
    expect(await installer()).toMatchObject({ file_damaged: false })
  })

  it('is repaired by a second upload of the same bytes before anyone noticed', async () => {
    damage()
    expect((await uploadAgain()).status).toBe(200)
    await connect()
    const id = await deploy()
    await until(
      'its target is completed',
      async () => (await targetOf(id)).deployment_status === 'completed',
    )
  })
})

describe('a stored package that is truncated while the controller runs', () => {
  it('is not served, and the target names the cause', async () => {
    await connect()
    truncateSync(storedFile(), 5)
    const id = await deploy()
    await until(
      'its target is failed',
      async () => (await targetOf(id)).deployment_status === 'failed',
    )
    expect(await targetOf(id)).toMatchObject({
      reason: 'integrity',
      result_message: expect.stringContaining('damaged') as string,
      error_details: 'The server answered 404.',
    })
    expect(await installer()).toMatchObject({ file_damaged: true })
  })
})

describe('a package changed in transit', () => {
  it('leaves the valid copy of the controller alone, and keeps the message of the agent', async () => {
    const agent = await t.connect(identity)
    const id = await deploy()
    await until('the agent has its command', () => Promise.resolve(agent.commands.length === 1))
    await agent.result(agent.commands[0] as never, {
      status: 'failed',
      reason: 'integrity',
      message: NETWORK_WORDS,
    })
    // Checks run one after the other: when the second has ended, so has the first.
    await until(
      'its target is failed',
      async () => (await targetOf(id)).deployment_status === 'failed',
    )
    expect(await installer()).toMatchObject({ file_damaged: false })
    expect(await targetOf(id)).toMatchObject({ result_message: NETWORK_WORDS })
    expect((await create()).status).toBe(200)
  })
})
