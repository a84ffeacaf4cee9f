/**
 * Every route that changes something writes one entry with the user and address. The list is the
 * table of routes: a new route fails here until it has an example, or a reason why it is not a
 * decision.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditEntry } from '#shared/contract/rest/audit.ts'
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import { createServedAgents } from '../../test-kit/served-agents.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type RestReply,
  type TestController,
} from '../../test-kit/test-controller.ts'

const PASSWORD = 'correct horse'
/** Routes that are not a user's decision. */
const NO_DECISION: readonly RouteName[] = [
  // Keeps a session alive.
  'auth.refresh',
  // These change nothing.
  'deployments.preflight',
  'controller.start_check',
  'controller.cancel_check',
  // Replaces the audit log: the restored controller records the restore in its own.
  'controller.restore',
]
/** One for each affected device. */
const ENTRIES: Partial<Record<RouteName, number>> = { 'devices.take_over': 2 }
const decisions = (Object.keys(rest) as RouteName[]).filter(
  (name) => rest[name].method !== 'GET' && !NO_DECISION.includes(name),
)

let t: TestController
/** A controller has a first account only once: this one is created by the test itself. */
let fresh: TestController | null = null
const agents = createServedAgents()
const freshDir = mkdtempSync(join(tmpdir(), 'deployx-fresh-'))
beforeAll(async () => {
  agents.serve('2.0.0')
  t = await startTestController({
    agentsDir: agents.dir,
    agentUpdates: () => 'off',
    timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 } },
  })
})
afterAll(async () => {
  await t.stop()
  await fresh?.stop()
  rmSync(freshDir, { recursive: true, force: true })
  agents.remove()
})

let n = 0
const unique = (what: string) => `${what}-${++n}`
const script = { name: 'tool.sh', bytes: '#!/bin/sh\nexit 1\n' }
const device = async () => (await t.enroll(unique('PC'))).deviceId
/** A PC that was reinstalled and enrolled again, beside its old entry. */
const reinstalled = async () => {
  const name = unique('PC')
  const hardwareId = createHash('sha256').update(name).digest('hex')
  const old = await t.enroll(name)
  ;(await t.connect(old, { hardwareId })).close()
  const isOnline = async () =>
    (await t.rest.call('devices.get', { params: { id: old.deviceId } })).online
  await expect.poll(isOnline).toBe(false)
  const { deviceId: id } = await t.enroll(name).then(async (identity) => {
    await t.connect(identity, { hardwareId })
    return identity
  })
  return { id, from_device_id: old.deviceId }
}
const group = async () =>
  (await t.rest.call('groups.create', { body: { name: unique('group') } })).id
const software = async () => {
  const reply = await t.rest.upload('/software', script)
  return reply.body as { id: number; installers: { id: number }[] }
}
const user = async () => {
  const body = { username: unique('user'), password: PASSWORD, role: 'technician' as const }
  return await t.rest.call('users.create', { body })
}
/** A new user, signed in: they end their own session. */
const signedIn = async (): Promise<RestClient> => {
  const { username } = await user()
  const { token } = await t.anonymous.call('auth.login', { body: { username, password: PASSWORD } })
  return createRestClient(t.controller.consoleUrl, token)
}
async function deployment(change: object = {}): Promise<number> {
  const body = {
    name: unique('rollout'),
    software_ids: [(await software()).id],
    device_ids: [await device()],
    ...change,
  }
  const reply = await t.rest.raw('POST', '/deployments/create', body)
  return (reply.body as { deployment_id: number }).deployment_id
}
/** Waits for an offline PC: it runs until it is cancelled. */
const running = async (change: object = {}) => {
  const id = await deployment({ offline_policy: 'wait', ...change })
  await expect
    .poll(async () => (await t.rest.raw('GET', `/deployments/${id}`)).body)
    .toMatchObject({ status: 'in_progress' })
  return id
}
const failed = async () => {
  const id = await deployment()
  await expect
    .poll(async () => (await t.rest.raw('GET', `/deployments/${id}`)).body)
    .toMatchObject({ status: 'failed' })
  return id
}

/** Each prepares, then returns the call to examine, because the preparation writes entries too. */
type Example = () => Promise<() => Promise<RestReply>>
const send =
  (method: string, path: string, body?: unknown, as: RestClient = t.rest) =>
  () =>
    as.raw(method, path, body)
const EXAMPLES: Partial<Record<RouteName, Example>> = {
  'auth.login': async () => send('POST', '/auth/login', { username: 'anna', password: PASSWORD }),
  'auth.logout': async () => send('POST', '/auth/logout', undefined, await signedIn()),
  'auth.logout_all': async () => send('POST', '/auth/logout-all', undefined, await signedIn()),
  'auth.password': async () =>
    send(
      'POST',
      '/auth/password',
      { old_password: PASSWORD, new_password: 'another horse' },
      await signedIn(),
    ),
  'auth.end_session': async () => {
    const one = await signedIn()
    const { sessions } = await one.call('auth.sessions', {})
    return send('DELETE', `/auth/sessions/${sessions[0]!.id}`, undefined, one)
  },
  'users.create': async () =>
    send('POST', '/users', { username: unique('user'), password: PASSWORD, role: 'admin' }),
  'users.update': async () => send('PATCH', `/users/${(await user()).id}`, { disabled: true }),
  'users.reset_password': async () => send('POST', `/users/${(await user()).id}/reset-password`),
  'users.end_sessions': async () => send('DELETE', `/users/${(await user()).id}/sessions`),
  'users.delete': async () => send('DELETE', `/users/${(await user()).id}`),
  'enrollments.create': async () => send('POST', '/enrollments', {}),
  'enrollments.delete': async () => {
    const { id } = await t.rest.call('enrollments.create', { body: {} })
    return send('DELETE', `/enrollments/${id}`)
  },
  'devices.update': async () => send('PATCH', `/devices/${await device()}`, { name: unique('PC') }),
  'devices.approve': async () => send('POST', `/devices/${await device()}/approve`),
  'devices.block': async () => send('POST', `/devices/${await device()}/block`),
  'devices.update_agent': async () => {
    const identity = await t.enroll(unique('PC'))
    const facts = () => ({ agent_version: '1.0.0', self_update: { obstacle: null, last: null } })
    await t.connect(identity, { facts, update: () => ({ accepted: true }) })
    return send('POST', `/devices/${identity.deviceId}/update`)
  },
  'devices.take_over': async () => {
    const { id, from_device_id } = await reinstalled()
    return send('POST', `/devices/${id}/take-over`, { from_device_id })
  },
  'devices.keep_both': async () => {
    const { id, from_device_id } = await reinstalled()
    return send('POST', `/devices/${id}/keep-both`, { from_device_id })
  },
  'devices.delete': async () => send('DELETE', `/devices/${await device()}`),
  'groups.create': async () => send('POST', '/groups', { name: unique('group') }),
  'groups.update': async () => send('PATCH', `/groups/${await group()}`, { name: unique('group') }),
  'groups.delete': async () => send('DELETE', `/groups/${await group()}`),
  'software.create': async () => () => t.rest.upload('/software', script),
  'software.add_installer': async () => {
    const { id } = await software()
    return () => t.rest.upload(`/software/${id}/installers`, { name: 'x.ps1', bytes: 'exit 0' })
  },
  'software.upload_file': async () => {
    const { id, installers } = await software()
    return () => t.rest.upload(`/software/${id}/installers/${installers[0]!.id}/file`, script)
  },
  'software.update': async () =>
    send('PATCH', `/software/${(await software()).id}`, { version: '2' }),
  'software.update_installer': async () => {
    const { id, installers } = await software()
    return send('PATCH', `/software/${id}/installers/${installers[0]!.id}`, { timeout_seconds: 9 })
  },
  'software.delete': async () => send('DELETE', `/software/${(await software()).id}`),
  'deployments.create': async () => {
    const body = {
      name: unique('rollout'),
      software_ids: [(await software()).id],
      device_ids: [await device()],
      offline_policy: 'wait',
    }
    return send('POST', '/deployments/create', body)
  },
  'deployments.cancel': async () => send('POST', `/deployments/${await running()}/cancel`),
  'deployments.pause': async () => send('POST', `/deployments/${await running()}/pause`),
  'deployments.resume': async () => {
    const id = await running()
    await t.rest.raw('POST', `/deployments/${id}/pause`)
    return send('POST', `/deployments/${id}/resume`)
  },
  'deployments.cancel_restarts': async () =>
    send('POST', `/deployments/${await running({ reboot: 'if_needed' })}/restarts/cancel`, {}),
  'deployments.retry': async () => send('POST', `/deployments/${await failed()}/retry`, {}),
  'controller.rotate': async () => send('POST', '/controller/identity/rotate', { command: true }),
  'controller.save_recovery': async () =>
    send('POST', '/controller/recovery-file', { passphrase: 'correct horse battery' }),
  'settings.update': async () => send('PATCH', '/settings', { bandwidth_hub_kib_s: 1024 }),
  'deployments.stop_all': async () => send('POST', '/deployments/stop-all', {}),
}

const entriesOf = async (one: TestController = t): Promise<AuditEntry[]> =>
  (await one.rest.call('audit.list', { query: { limit: 500 } })).entries
/** The controller's own entries arrive at any time. */
const byPeople = (entries: AuditEntry[]) => entries.filter((entry) => entry.actor !== 'system')

describe('a decision', () => {
  it('that creates the first account is the first entry', async () => {
    fresh = await startTestController({ dataDir: freshDir })
    expect(
      (await entriesOf(fresh)).map(({ action, actor, address }) => [action, actor, address]),
    ).toEqual([['user.setup', 'anna', '127.0.0.1']])
  })

  it.each(decisions.filter((name) => name !== 'auth.setup'))(
    'writes one entry with user and address: %s',
    async (name) => {
      const prepare = EXAMPLES[name]
      expect(prepare, `${name} needs an example here`).toBeDefined()
      const act = await prepare!()
      const before = new Set((await entriesOf()).map((entry) => entry.id))
      const reply = await act()
      expect(reply.status, JSON.stringify(reply.body)).toBe(200)
      const left = byPeople(await entriesOf()).filter((entry) => !before.has(entry.id))
      expect(left.map((entry) => entry.action)).toHaveLength(ENTRIES[name] ?? 1)
      expect(left[0]).toMatchObject({ address: '127.0.0.1', outcome: 'done' })
      expect(left[0]!.actor).toMatch(/^(anna|user-\d+)$/)
    },
  )
})

describe('a refusal', () => {
  const foreign = 'eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiJ4In0.AAAA'
  it('writes an entry: a wrong password, an invalid token, a technician on an administrator’s route', async () => {
    const tom = await signedIn()
    const before = new Set((await entriesOf()).map((entry) => entry.id))
    await t.anonymous.raw('POST', '/auth/login', { username: 'anna', password: 'wrong horse' })
    await createRestClient(t.controller.consoleUrl, foreign).raw('GET', '/devices')
    await tom.raw('GET', '/users')
    const left = (await entriesOf()).filter((entry) => !before.has(entry.id)).reverse()
    expect(left.map(({ action, subject, outcome }) => [action, subject, outcome])).toEqual([
      ['user.login_failed', 'user anna', 'refused'],
      ['access.refused', 'GET /devices', 'refused'],
      ['access.refused', 'GET /users', 'refused'],
    ])
    expect(left.map((entry) => entry.actor)).toEqual([
      'unknown',
      'unknown',
      expect.stringMatching(/^user-/),
    ])
  })
  it('repeated a thousand times does not fill the audit log', async () => {
    const outsider = createRestClient(t.controller.consoleUrl, foreign)
    const before = (await t.rest.call('audit.list', { query: { limit: 1 } })).total
    for (let i = 0; i < 10; i++)
      await Promise.all(Array.from({ length: 30 }, () => outsider.raw('GET', '/devices')))
    const after = await t.rest.call('audit.list', { query: { limit: 1 } })
    expect(after.total - before).toBeLessThanOrEqual(30)
    // Skipped entries are counted at the latest when the controller stops.
    await t.restart()
    const { entries } = await t.rest.call('audit.list', {
      query: { action: 'access.refused', limit: 1 },
    })
    expect(entries[0]!.details).toMatch(/^\d+ more refused requests/)
  })
})
