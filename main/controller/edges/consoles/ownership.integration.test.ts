/**
 * Calls the routes of the contract as a user who does not own the resource, without a token and, where an administrator is
 * required, as a technician. The cases come from the table of routes, so new routes are included.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import type { Route } from '#shared/contract/rest/route.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

type Ids = Record<
  'device' | 'group' | 'software' | 'installer' | 'deployment' | 'target' | 'enrollment' | 'user',
  number
> & { session: string; request: string }

const BENS_REQUEST = '0b1e5c3a-1111-4222-8333-444455556666'
let t: TestController
let bens: Ids
let cleo: RestClient
const stateOfAll = async (): Promise<unknown> => ({
  devices: (await t.rest.call('devices.list', {})).devices.map((d) => ({ ...d, last_seen_at: '' })),
  groups: await t.rest.call('groups.list', {}),
  software: await t.rest.call('software.list', {}),
  deployments: await t.rest.call('deployments.list', { query: {} }),
  enrollments: await t.rest.call('enrollments.list', {}),
  users: await t.rest.call('users.list', {}),
})

async function signIn(username: string): Promise<RestClient> {
  const password = 'correct horse'
  await t.rest.call('users.create', { body: { username, password, role: 'technician' } })
  const { token } = await t.anonymous.call('auth.login', { body: { username, password } })
  return createRestClient(t.controller.consoleUrl, token)
}

beforeAll(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 } } })
  // Ben owns one of everything; Cleo, also a technician, owns nothing.
  const ben = await signIn('ben')
  cleo = await signIn('cleo')
  const { code, id: enrollment } = await ben.call('enrollments.create', { body: { max_uses: 2 } })
  const { enrollSimAgent } = await import('../../test-kit/sim-agent.ts')
  const { deviceId: device } = await enrollSimAgent(t.hub, code, 'BENS-PC')
  const { id: group } = await ben.call('groups.create', {
    body: { name: 'bens', device_ids: [device] },
  })
  const uploaded = await ben.upload('/software', { name: 'tool.sh', bytes: '#!/bin/sh\n' })
  const software = uploaded.body as { id: number; installers: { id: number }[] }
  const { deployment_id: deployment } = await ben.call('deployments.create', {
    body: {
      name: 'bens',
      software_ids: [software.id],
      device_ids: [device],
      request_id: BENS_REQUEST,
    },
  })
  const { targets } = await ben.call('deployments.progress', { params: { id: deployment } })
  const { users } = await t.rest.call('users.list', {})
  bens = {
    device,
    group,
    software: software.id,
    installer: software.installers[0]!.id,
    deployment,
    target: targets[0]!.id,
    enrollment,
    user: users[0]!.id,
    request: BENS_REQUEST,
    session: (await ben.call('auth.sessions', {})).sessions[0]!.id,
  }
})
afterAll(() => t.stop())

/** The value for `:id` in a route's path, by the first part of its name. */
const ID_OF: Record<string, keyof Ids> = {
  devices: 'device',
  groups: 'group',
  software: 'software',
  deployments: 'deployment',
  enrollments: 'enrollment',
  users: 'user',
  requests: 'request',
  auth: 'session',
}
const pathOf = (name: RouteName): string =>
  rest[name].path
    .replace(':target_id', String(bens.target))
    .replace(':installer_id', String(bens.installer))
    .replace(':id', String(bens[ID_OF[name.split('.')[0]!]!]))

/** A body that the schema accepts, where one is needed before ownership is checked. */
const bodyOf = (name: RouteName): unknown => {
  const deployment = { name: 'x', software_ids: [bens.software], device_ids: [bens.device] }
  const bodies: Partial<Record<RouteName, unknown>> = {
    'users.create': { username: 'dora', password: 'correct horse', role: 'admin' },
    'users.update': { role: 'technician' },
    'devices.update': { name: 'mine' },
    'devices.take_over': { from_device_id: bens.device },
    'devices.keep_both': { from_device_id: bens.device },
    'groups.update': { name: 'mine', device_ids: [] },
    'software.update': { name: 'mine' },
    'software.update_installer': { install_args: '--evil' },
    'deployments.retry': {},
    'deployments.create': deployment,
    'deployments.preflight': deployment,
  }
  return bodies[name]
}
const names = Object.keys(rest) as RouteName[]
const withIds = names.filter((name) => rest[name].path.includes(':'))

describe('a resource of another user', () => {
  it.each(withIds)('cannot be seen or changed: %s', async (name) => {
    const before = await stateOfAll()
    const route: Route = rest[name]
    const reply =
      route.transport === 'multipart'
        ? await cleo.upload(pathOf(name), { name: 'mine.sh', bytes: '#!/bin/sh\n' })
        : await cleo.raw(route.method, pathOf(name), bodyOf(name))
    expect([403, 404]).toContain(reply.status)
    expect(JSON.stringify(reply.body)).not.toMatch(/BENS-PC|tool\.sh/)
    expect(await stateOfAll()).toEqual(before)
  })

  it.each(['deployments.create', 'deployments.preflight'] as const)(
    'cannot be used in a new deployment: %s',
    async (name) => {
      const reply = await cleo.raw(rest[name].method, rest[name].path, bodyOf(name))
      expect(reply.status).toBe(404)
      const byGroup = { name: 'x', software_ids: [bens.software], group_ids: [bens.group] }
      expect((await cleo.raw(rest[name].method, rest[name].path, byGroup)).status).toBe(404)
    },
  )

  it("cannot be added to the caller's group, nor can the caller's code enrol into it", async () => {
    const group = { name: 'stolen', device_ids: [bens.device] }
    expect((await cleo.raw('POST', '/groups', group)).status).toBe(404)
    expect((await cleo.raw('POST', '/enrollments', { group_ids: [bens.group] })).status).toBe(404)
  })

  it.each([
    'devices.list',
    'groups.list',
    'software.list',
    'deployments.list',
    'enrollments.list',
    'audit.list',
  ] as const)('is not in the lists of the caller: %s', async (name) => {
    const reply = await cleo.raw('GET', rest[name].path)
    expect(reply.status).toBe(200)
    expect(JSON.stringify(reply.body)).not.toMatch(/bens|BENS-PC|tool/)
  })

  it('is not affected by the emergency stop of the caller', async () => {
    expect(await cleo.call('deployments.stop_all', {})).toEqual({ stopped: [] })
  })
})

describe('without a token', () => {
  it.each(names.filter((name) => rest[name].access !== 'none'))(
    'every route that needs one is refused: %s',
    async (name) => {
      const reply = await t.anonymous.raw(rest[name].method, pathOf(name), bodyOf(name))
      expect(reply.status).toBe(401)
    },
  )
})

describe('a technician', () => {
  it.each(names.filter((name) => rest[name].access === 'admin'))(
    'cannot call an administrator route: %s',
    async (name) => {
      const reply = await cleo.raw(rest[name].method, pathOf(name), bodyOf(name))
      expect(reply.status).toBe(403)
    },
  )
})
