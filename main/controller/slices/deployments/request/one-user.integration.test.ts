/** Software that installs for one user: the review says so where it can, and the result does. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { until } from '#shared/test-kit/until.ts'
import { makeMsiBytes } from '../../../test-kit/windows-packages.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../../test-kit/test-controller.ts'

const MSI = new Uint8Array(
  makeMsiBytes({
    template: 'x64;1033',
    properties: {
      ...{ ProductName: 'Own', ProductVersion: '1.0', Manufacturer: 'Ann Onym' },
      ProductCode: '{11111111-2222-3333-4444-555555555555}',
    },
  }),
)
const NOTE =
  'It installs for one user: run by the agent, it landed in a profile that nobody uses. Look for an installer for the whole PC, or for an argument that makes it one.'

let t: TestController
let server: Server
let url: string
let pc: number
beforeAll(async () => {
  server = createServer((_request, response) => response.end(MSI))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/own.msi`
  t = await startTestController({
    allowPrivateFetch: true,
    timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 } },
  })
  const identity = await t.enroll('windows-pc')
  pc = identity.deviceId
  const agent = await t.connect(identity, {
    facts: () => ({ platform: 'windows' }),
    inspect: ({ detections }) => ({
      ...{ ok: true, free_disk_bytes: null, reboot_pending: null, busy: false },
      presences: detections.map(() => 'absent'),
    }),
    onCommand: (command) => {
      if (command.action === 'cancel') return
      const code = { result_code: 'installed', result_params: { exit_code: 0 } }
      void agent.result(command, { message: 'Installed.', ...code }).catch(() => undefined)
    },
  })
})
afterAll(async () => {
  server?.close()
  await t?.stop()
})

const bodyOf = (more: object) => ({ name: 'own', device_ids: [pc], ...more }) as never
async function codes(more: object, rest: RestClient = t.rest) {
  const { targets } = await rest.call('deployments.preflight', { body: bodyOf(more) })
  return targets.map(({ outcome, code }) => [outcome, code])
}
/** The results of all targets, once the deployment has ended. */
async function results(more: object) {
  const { deployment_id: id } = await t.rest.call('deployments.create', { body: bodyOf(more) })
  const ended = await until('the deployment ends', async () => {
    const now = await t.rest.call('deployments.progress', { params: { id } })
    return now.status === 'completed' ? now : null
  })
  return ended.targets.map(({ result_message }) => result_message)
}

it('is named in the result and in later reviews if it was fetched from an address', async () => {
  const everyone = { name: 'all', download_url: url, install_args: 'ALLUSERS=1' }
  const custom_software = [{ name: 'own', download_url: url }, everyone]
  // Nobody knows the file yet.
  expect(await codes({ custom_software })).toEqual([
    ['ready', 'ready'],
    ['ready', 'ready'],
  ])
  expect(await results({ custom_software })).toEqual([
    `Installed. Exit code 0. ${NOTE}`,
    'Installed. Exit code 0.',
  ])
  expect(await codes({ custom_software })).toEqual([
    ['ready', 'ready_address_for_one_user'],
    ['ready', 'ready'],
  ])
  // Another file, or one that somebody else had fetched.
  const other = [{ name: 'own', download_url: url, sha256: 'a'.repeat(64) }]
  expect(await codes({ custom_software: other })).toEqual([['ready', 'ready']])
  const login = { username: 'ben', password: 'correct horse' }
  await t.rest.call('users.create', { body: { ...login, role: 'admin' } })
  const { token } = await t.anonymous.call('auth.login', { body: login })
  const ben = createRestClient(t.controller.consoleUrl, token)
  expect(await codes({ custom_software }, ben)).toEqual([
    ['ready', 'ready'],
    ['ready', 'ready'],
  ])
})

it('is named in the result if it is in the library', async () => {
  const upload = { name: 'own.msi', bytes: MSI }
  const { body } = await t.rest.upload('/software', upload, { name: 'own' })
  const software_ids = [(body as RouteReply<'software.create'>).id]
  expect(await results({ software_ids })).toEqual([`Installed. Exit code 0. ${NOTE}`])
})
