import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

let t: TestController
let software: number
let device: number
beforeAll(async () => {
  t = await startTestController()
  software = (await t.addScript('tool')).id
  device = (await t.enroll('PC-1')).deviceId
})
afterAll(() => t.stop())

const total = async (): Promise<number> =>
  (await t.rest.call('deployments.list', { query: {} })).total
const deployment = (more: object = {}) => ({
  name: 'Tool',
  software_ids: [software],
  device_ids: [device],
  ...more,
})
async function technician(username: string): Promise<RestClient> {
  const password = 'correct horse'
  await t.rest.call('users.create', { body: { username, password, role: 'technician' } })
  const { token } = await t.anonymous.call('auth.login', { body: { username, password } })
  return createRestClient(t.controller.consoleUrl, token)
}

describe('a deployment that is created again with the same request_id', () => {
  it('returns the same deployment and creates only one', async () => {
    const body = deployment({ request_id: randomUUID() })
    const before = await total()
    const first = await t.rest.raw('POST', '/deployments/create', body)
    const again = await t.rest.raw('POST', '/deployments/create', body)
    expect(first.status).toBe(200)
    expect(again).toMatchObject({ status: 200, body: first.body })
    expect(await total()).toBe(before + 1)
  })

  it('creates only one even when both requests run at the same time', async () => {
    const body = deployment({ request_id: randomUUID() })
    const before = await total()
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => t.rest.raw('POST', '/deployments/create', body)),
    )
    expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1)
    expect(await total()).toBe(before + 1)
  })

  it('still returns it after a restart of the controller', async () => {
    const body = deployment({ request_id: randomUUID() })
    const first = await t.rest.raw('POST', '/deployments/create', body)
    await t.restart()
    expect((await t.rest.raw('POST', '/deployments/create', body)).body).toEqual(first.body)
  })

  it('is the same regardless of the order of its fields and the case of its key', async () => {
    const request_id = randomUUID()
    const body = { ...deployment(), strategy: { max_concurrent: 2 }, request_id }
    const first = await t.rest.raw('POST', '/deployments/create', body)
    const turned = Object.fromEntries(Object.entries(body).reverse())
    const again = { ...turned, request_id: request_id.toUpperCase() }
    expect((await t.rest.raw('POST', '/deployments/create', again)).body).toEqual(first.body)
  })

  it('refuses the key for a different body, and for a different route', async () => {
    const request_id = randomUUID()
    await t.rest.raw('POST', '/deployments/create', deployment({ request_id }))
    const before = await total()
    for (const [path, body] of [
      ['/deployments/create', deployment({ request_id, name: 'Other' })],
      ['/groups', { name: 'Other', request_id }],
    ] as const) {
      const reply = await t.rest.raw('POST', path, body)
      expect(reply).toMatchObject({ status: 409, body: { error: { code: 'E_CONFLICT' } } })
    }
    expect(await total()).toBe(before)
    expect((await t.rest.call('groups.list', {})).groups).toEqual([])
  })

  it('allows the key again after a refusal', async () => {
    const request_id = randomUUID()
    const wrong = await t.rest.raw('POST', '/deployments/create', {
      ...deployment({ request_id }),
      device_ids: [9_999],
    })
    expect(wrong.status).toBe(404)
    const right = await t.rest.raw('POST', '/deployments/create', deployment({ request_id }))
    expect(right.status).toBe(200)
  })

  it('belongs to one user: the same key of another user is another request', async () => {
    const ben = await technician('ben')
    const { code } = await ben.call('enrollments.create', { body: {} })
    const { enrollSimAgent } = await import('../../test-kit/sim-agent.ts')
    const own = (await enrollSimAgent(t.hub, code, 'BENS-PC')).deviceId
    const request_id = randomUUID()
    const mine = await t.rest.raw('POST', '/deployments/create', deployment({ request_id }))
    const body = deployment({ request_id, device_ids: [own] })
    const ofBen = await ben.raw('POST', '/deployments/create', body)
    expect(ofBen.status).toBe(200)
    expect(ofBen.body).not.toEqual(mine.body)
  })

  it('refuses what is not a UUID', async () => {
    for (const request_id of ['', 'x', 7, 'a'.repeat(10_000)]) {
      const reply = await t.rest.raw('POST', '/deployments/create', deployment({ request_id }))
      expect(reply.status).toBe(400)
    }
  })
})

describe('the outcome of a request', () => {
  it('can be queried by its key, only by the user who made it', async () => {
    const request_id = randomUUID()
    const path = `/requests/${request_id}`
    expect((await t.rest.raw('GET', path)).status).toBe(404)
    const made = await t.rest.call('deployments.create', { body: deployment({ request_id }) })
    expect((await t.rest.raw('GET', path)).body).toMatchObject({
      route: 'deployments.create',
      state: 'done',
      id: made.deployment_id,
    })
    const cleo = await technician('cleo')
    expect((await cleo.raw('GET', path)).status).toBe(404)
  })
})

describe('other requests that create something', () => {
  it.each([
    ['a group', '/groups', { name: 'Kasse' }],
    ['a user', '/users', { username: 'dora', password: 'correct horse', role: 'admin' }],
    ['an enrolment code', '/enrollments', { max_uses: 3 }],
  ])(
    '%s is created once, even when requests run at the same time',
    async (_what, path, content) => {
      const body = { ...content, request_id: randomUUID() }
      const replies = await Promise.all([1, 2, 3].map(() => t.rest.raw('POST', path, body)))
      replies.push(await t.rest.raw('POST', path, body))
      expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200, 200])
      expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1)
    },
  )

  it('keeps no enrolment code and no password in readable form', async () => {
    const request_id = randomUUID()
    const password = 'a password that nobody guesses'
    const { code } = await t.rest.call('enrollments.create', { body: { request_id } })
    await t.rest.call('users.create', {
      body: { username: 'emil', password, role: 'technician', request_id: randomUUID() },
    })
    const { readFileSync, existsSync } = await import('node:fs')
    const files = ['deployx.db', 'deployx.db-wal'].map((name) => `${t.dataDir}/${name}`)
    const bytes = Buffer.concat(files.filter(existsSync).map((file) => readFileSync(file)))
    expect(bytes.includes(request_id)).toBe(true)
    expect(bytes.includes(code)).toBe(false)
    expect(bytes.includes(password)).toBe(false)
  })

  it('are not recorded if they are refused, such as a retry without failed targets', async () => {
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: { ...deployment(), custom_software: [], offline_policy: 'fail' },
    })
    const body = { request_id: randomUUID() }
    const refused = await t.rest.raw('POST', `/deployments/${id}/retry`, body)
    expect(refused.status).toBe(409)
    const found = await t.rest.raw('GET', `/requests/${body.request_id}`)
    expect(found.status).toBe(404)
  })
})

describe('keys that are replaced again with the same request_id', () => {
  it('are replaced once, even when requests run at the same time', async () => {
    const path = '/controller/identity/rotate'
    const body = { command: true, request_id: randomUUID() }
    const replies = await Promise.all([1, 2].map(() => t.rest.raw('POST', path, body)))
    replies.push(await t.rest.raw('POST', path, body))
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200])
    const { key_id } = await t.rest.call('controller.identity', {})
    for (const reply of replies) expect(reply.body).toMatchObject({ key_id, epoch: 1 })
    const other = await t.rest.raw('POST', path, { ...body, request_id: randomUUID() })
    expect(other.body).toMatchObject({ epoch: 2 })
  })
})
