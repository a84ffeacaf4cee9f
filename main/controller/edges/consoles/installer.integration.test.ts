import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Software } from '#shared/contract/rest/software.ts'
import type { WireError } from '#shared/contract/errors.ts'
import { until } from '#shared/test-kit/until.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type RestReply,
  type TestController,
} from '../../test-kit/test-controller.ts'

let t: TestController
let ben: RestClient
let tool: Software
beforeAll(async () => {
  t = await startTestController()
  const account = { username: 'ben', password: 'battery staple' }
  await t.rest.call('users.create', { body: { ...account, role: 'technician' } })
  const { token } = await t.anonymous.call('auth.login', { body: account })
  ben = createRestClient(t.controller.consoleUrl, token)
  tool = await t.addScript('tool')
})
afterAll(() => t.stop())

const errorOf = (reply: RestReply) => (reply.body as { error: WireError }).error
const pathOf = (software: Software, installer: number | string = software.installers[0]!.id) =>
  `/software/${software.id}/installers/${installer}`
const patch = (path: string, body: unknown, as = t.rest) => as.raw('PATCH', path, body)

describe('correcting an installer over REST', () => {
  it('returns the updated software', async () => {
    const [before] = (await t.rest.call('software.list', {})).software as [Software]
    const reply = await patch(pathOf(tool), {
      platform: 'macos',
      arch: 'arm64',
      install_args: '-q',
      timeout_seconds: 90,
      success_exit_codes: [0, 7],
      detection: { type: 'file', path: '/opt/tool' },
      file_name: 'passed over.sh',
    })
    expect(reply.status).toBe(200)
    expect(reply.body).toEqual({
      ...tool,
      revision: before.revision + 1,
      installers: [
        {
          ...tool.installers[0],
          platform: 'macos',
          arch: 'arm64',
          install_args: '-q',
          timeout_seconds: 90,
          success_exit_codes: [0, 7],
          detection: { type: 'file', path: '/opt/tool' },
        },
      ],
    })
    expect((await t.rest.call('software.list', {})).software).toEqual([reply.body])
  })

  it.each<[string, unknown]>([
    ['/platform', { platform: 'beos' }],
    ['/arch', { arch: 7 }],
    ['/install_args', { install_args: '"' }],
    ['/install_args', { install_args: 'a\0b' }],
    ['/timeout_seconds', { timeout_seconds: 0 }],
    ['/timeout_seconds', { timeout_seconds: '60' }],
    ['/success_exit_codes/0', { success_exit_codes: ['one'] }],
    ['/detection/type', { detection: { type: 'magic' } }],
    ['/detection/type', { detection: { type: 'uninstall_entry', name: 'Tool' } }],
    ['/detection/type', { platform: 'linux', detection: { type: 'pkgutil', name: 'org.tool' } }],
    [
      '/detection/interpreter',
      { detection: { type: 'script', interpreter: 'powershell', text: 'exit 1' } },
    ],
    ['/detection/path', { detection: { type: 'file', path: 'C:\\tool.exe' } }],
    // Its current rule is for macOS.
    ['/detection/path', { platform: 'windows' }],
  ])('refuses a bad value at %s: %j', async (path, body) => {
    const before = (await t.rest.call('software.list', {})).software
    const reply = await patch(pathOf(tool), body)
    expect([reply.status, errorOf(reply).code]).toEqual([400, 'E_VALIDATION'])
    expect(errorOf(reply).details[0]!.path).toBe(path)
    expect((await t.rest.call('software.list', {})).software).toEqual(before)
  })

  it('requires ids that exist and belong together', async () => {
    const other = await t.addScript('other')
    for (const path of [
      pathOf(tool, 9999),
      `/software/9999/installers/${tool.installers[0]!.id}`,
      pathOf(tool, other.installers[0]!.id),
    ]) {
      const reply = await patch(path, { arch: 'x64' })
      expect([path, reply.status, errorOf(reply).code]).toEqual([path, 404, 'E_NOT_FOUND'])
    }
    expect((await patch(pathOf(tool, 'first'), { arch: 'x64' })).status).toBe(400)
  })

  it('is limited to users who may change it', async () => {
    const reply = await ben.upload('/software', { name: 'bens.sh', bytes: '#!/bin/sh\n' })
    const bens = reply.body as Software
    const anonymous = await patch(pathOf(bens), { arch: 'x64' }, t.anonymous)
    expect(anonymous.status).toBe(401)
    // Technicians see what an administrator shares, but may not change it.
    expect((await patch(pathOf(tool), { arch: 'x64' }, ben)).status).toBe(403)
    const cleo = { username: 'cleo', password: 'battery staple' }
    await t.rest.call('users.create', { body: { ...cleo, role: 'technician' } })
    const { token } = await t.anonymous.call('auth.login', { body: cleo })
    const cleos = createRestClient(t.controller.consoleUrl, token)
    expect((await patch(pathOf(bens), { arch: 'x64' }, cleos)).status).toBe(404)
    expect((await patch(pathOf(bens), { arch: 'x64' }, ben)).status).toBe(200)
  })

  it('refuses a platform and architecture that another installer has', async () => {
    const two = await t.addScript('two')
    const reply = await t.rest.upload(`/software/${two.id}/installers`, {
      name: 'two.cmd',
      bytes: 'exit 0',
    })
    const second = (reply.body as Software).installers[1]!
    const refused = await patch(pathOf(two, second.id), { platform: 'linux' })
    expect([refused.status, errorOf(refused).code]).toEqual([409, 'E_CONFLICT'])
  })

  it('waits for the end of a deployment that uses it, and applies to the next attempt', async () => {
    const used = await t.addScript('used')
    const identity = await t.enroll('PC-1')
    const agent = await t.connect(identity, {
      // Fails unless it is called with the corrected arguments.
      onCommand: (command, self) => {
        if (command.action !== 'install') return
        if (command.argv[0] === '-q') void self.result(command, {})
        else held = () => self.result(command, { status: 'failed', exit_code: 3 })
      },
    })
    let held: (() => Promise<unknown>) | null = null
    const { deployment_id } = await t.rest.call('deployments.create', {
      body: { name: 'd', software_ids: [used.id], device_ids: [identity.deviceId] },
    })
    const params = { id: deployment_id }
    const ended = async (status: string) =>
      (await t.rest.call('deployments.get', { params })).status === status
    await until('the agent works', () => held !== null)
    const busy = await patch(pathOf(used), { install_args: '-q' })
    expect([busy.status, errorOf(busy).code]).toEqual([409, 'E_IN_USE'])
    await held!()
    await until('it has failed', () => ended('failed'))
    expect((await patch(pathOf(used), { install_args: '-q' })).status).toBe(200)
    await t.rest.call('deployments.retry', { params, body: {} })
    await until('it is completed', () => ended('completed'))
    agent.close()
  })

  it('keeps a retry from sending an installer that no longer fits the PC', async () => {
    const wrong = await t.addScript('wrong')
    const identity = await t.enroll('PC-2')
    let commands = 0
    const agent = await t.connect(identity, {
      onCommand: (command, self) => {
        commands++
        if (command.action === 'install')
          void self.result(command, { status: 'failed', exit_code: 1 })
      },
    })
    const { deployment_id } = await t.rest.call('deployments.create', {
      body: { name: 'd', software_ids: [wrong.id], device_ids: [identity.deviceId] },
    })
    const params = { id: deployment_id }
    const targetOnce = (status: string) =>
      until(`the target is ${status}`, async () => {
        const { targets } = await t.rest.call('deployments.progress', { params })
        return targets[0]!.deployment_status === status && targets[0]
      })
    await targetOnce('failed')
    expect((await patch(pathOf(wrong), { arch: 'arm64' })).status).toBe(200)
    await t.rest.call('deployments.retry', { params, body: {} })
    expect(await targetOnce('skipped')).toMatchObject({ reason: 'no_installer', attempt: 2 })
    expect(commands).toBe(1)
    agent.close()
  })
})
