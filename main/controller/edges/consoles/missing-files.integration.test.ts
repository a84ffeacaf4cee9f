/** Packages whose files are missing, as after a restore: shown, refused before any command is sent, and repaired by the same file. */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Software } from '#shared/contract/rest/software.ts'
import type { WireError } from '#shared/contract/errors.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { until } from '#shared/test-kit/until.ts'
import type { SimAgent, SimIdentity } from '../../test-kit/sim-agent.ts'
import {
  createRestClient,
  startTestController,
  type RestReply,
  type TestController,
} from '../../test-kit/test-controller.ts'

const SCRIPT = '#!/bin/sh\nexit 0\n'
let t: TestController
let tool: Software
let identity: SimIdentity
beforeEach(async () => {
  t = await startTestController({ allowPrivateFetch: true })
  tool = await t.addScript('tool', SCRIPT)
  identity = await t.enroll('PC-1')
})
afterEach(() => t.stop())

const errorOf = (reply: RestReply) => (reply.body as { error: WireError }).error
/** Files of packages; those that are still being received are not counted. */
const stored = () => {
  const root = join(t.dataDir, 'content')
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !name.startsWith('tmp') && statSync(join(root, name)).isFile(),
  )
}
const removeFiles = () => {
  for (const name of stored()) rmSync(join(t.dataDir, 'content', name))
}
/** The state of a restored controller: all rows, no files. */
async function loseFiles(): Promise<void> {
  removeFiles()
  await t.restart()
}
const missing = async () =>
  (await t.rest.call('software.list', {})).software.flatMap(({ installers }) =>
    installers.map(({ file_missing }) => file_missing),
  )
const again = (bytes: string, as = t.rest) =>
  as.upload(`/software/${tool.id}/installers/${tool.installers[0]!.id}/file`, {
    name: 'any name.sh',
    bytes,
  })
const order = (more: object = {}) => ({
  name: 'd',
  software_ids: [tool.id],
  device_ids: [identity.deviceId],
  ...more,
})
const create = (more: object = {}) => t.rest.raw('POST', '/deployments/create', order(more))
const succeed = (command: SimAgent['commands'][number], agent: SimAgent) => {
  if (command.action === 'install') void agent.result(command, {})
}
const idOf = (reply: RestReply) => (reply.body as { deployment_id: DeploymentId }).deployment_id
const progressOf = (id: DeploymentId) => t.rest.call('deployments.progress', { params: { id } })

describe('an installer whose file is missing', () => {
  it('is shown as missing, and refused before a deployment is created', async () => {
    expect(await missing()).toEqual([false])
    await loseFiles()
    expect(await missing()).toEqual([true])
    const agent = await t.connect(identity)
    for (const path of ['/deployments/preflight', '/deployments/create']) {
      const reply = await t.rest.raw('POST', path, order())
      expect([path, reply.status, errorOf(reply).code]).toEqual([path, 409, 'E_ILLEGAL_STATE'])
      expect(errorOf(reply).message).toBe(
        'The file of tool is missing on this controller. Upload it again under Software.',
      )
      expect(errorOf(reply).details[0]!.path).toBe('/software_ids/0')
    }
    expect((await t.rest.call('deployments.list', { query: {} })).deployments).toEqual([])
    // Removing needs no file.
    const id = idOf(await create({ action: 'uninstall' }))
    await until('the agent has its command', () => agent.commands.length === 1)
    await agent.result(agent.commands[0] as never, {})
    await until(
      'the deployment is completed',
      async () => (await progressOf(id)).status === 'completed',
    )
    // Neither do PCs of a platform whose installer is intact.
    const path = `/software/${tool.id}/installers/${tool.installers[0]!.id}`
    expect((await t.rest.raw('PATCH', path, { platform: 'macos' })).status).toBe(200)
    expect((await create()).status).toBe(200)
  })

  it('accepts only the same file', async () => {
    await loseFiles()
    const other = await again('#!/bin/sh\nexit 1\n')
    expect([other.status, errorOf(other).code]).toEqual([409, 'E_CONFLICT'])
    expect(stored()).toEqual([])
    expect(await missing()).toEqual([true])
    const same = await again(SCRIPT)
    expect(same.status).toBe(200)
    expect(same.body).toEqual(tool)
    expect(await missing()).toEqual([false])
    expect(stored()).toHaveLength(1)
    await t.connect(identity, { onCommand: succeed })
    const id = idOf(await create())
    await until(
      'the deployment is completed',
      async () => (await progressOf(id)).status === 'completed',
    )
    await t.restart()
    expect(await missing()).toEqual([false])
    const { entries } = await t.rest.call('audit.list', { query: {} })
    expect(entries.map(({ action }) => action)).toContain('software.upload_file')
  })

  it('is also repaired by an ordinary upload of the same bytes', async () => {
    await loseFiles()
    await t.addScript('the same under another name', SCRIPT)
    expect(await missing()).toEqual([false, false])
  })

  it('can be repaired only by users who may change it', async () => {
    await loseFiles()
    expect((await again(SCRIPT, t.anonymous)).status).toBe(401)
    const ben = { username: 'ben', password: 'battery staple' }
    await t.rest.call('users.create', { body: { ...ben, role: 'technician' } })
    const { token } = await t.anonymous.call('auth.login', { body: ben })
    const bens = createRestClient(t.controller.consoleUrl, token)
    expect((await again(SCRIPT, bens)).status).toBe(403)
    const nowhere = await t.rest.upload(`/software/${tool.id}/installers/9999/file`, {
      name: 'a.sh',
      bytes: SCRIPT,
    })
    expect([nowhere.status, errorOf(nowhere).code]).toEqual([404, 'E_NOT_FOUND'])
    expect(stored()).toEqual([])
  })

  it('fails the targets that waited for it without contacting the agent, and a retry succeeds once it is back', async () => {
    const agent = await t.connect(identity)
    const id = idOf(await create({ scheduled_at: new Date(Date.now() + 1_500).toISOString() }))
    agent.close()
    await loseFiles()
    const back = await t.connect(identity, { onCommand: succeed })
    await until('the deployment is failed', async () => (await progressOf(id)).status === 'failed')
    const [target] = (await progressOf(id)).targets
    expect(target).toMatchObject({ reason: 'download_failed', deployment_status: 'failed' })
    expect(target!.result_message).toContain('missing on the controller')
    const retry = () => t.rest.call('deployments.retry', { params: { id }, body: {} })
    await retry()
    await until('the deployment is failed', async () => (await progressOf(id)).status === 'failed')
    expect(back.commands).toEqual([])
    expect((await again(SCRIPT)).status).toBe(200)
    await retry()
    await until(
      'the deployment is completed',
      async () => (await progressOf(id)).status === 'completed',
    )
    expect(back.commands).toHaveLength(1)
  })

  it('from a URL is fetched again automatically while a deployment waits for it', async () => {
    const server = createServer((_request, response) => response.end(SCRIPT + '# fetched\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fetched.sh`
      const id = idOf(
        await create({
          software_ids: [],
          custom_software: [{ name: 'fetched', download_url: url, platform: 'linux' }],
          offline_policy: 'wait',
        }),
      )
      await until('both files are there', () => stored().length === 2)
      await until(
        'the deployment is in_progress',
        async () => (await progressOf(id)).status === 'in_progress',
      )
      await loseFiles()
      await until('one file is left', () => stored().length === 1)
      await t.connect(identity, { onCommand: succeed })
      await until(
        'the deployment is completed',
        async () => (await progressOf(id)).status === 'completed',
      )
    } finally {
      server.close()
    }
  })

  it('is detected when the file is deleted while the controller runs', async () => {
    let url = ''
    const agent = await t.connect(identity, {
      onCommand: (command) => {
        if (command.action === 'install') url = command.url
      },
    })
    const id = idOf(await create())
    await until('it is asked for', () => url !== '')
    removeFiles()
    const status = await new Promise<number>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: t.hub.port, path: url, ca: t.hub.cert }
      request({ ...options, servername: 'deployx.invalid' }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(404)
    expect(await missing()).toEqual([true])
    expect((await create()).status).toBe(409)
    await agent.result(agent.commands[0] as never, { status: 'failed', exit_code: 1 })
    await until('the deployment is failed', async () => (await progressOf(id)).status === 'failed')
  })
})
