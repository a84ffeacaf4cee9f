/**
 * What an enrolled agent may try: another agent's targets and packages, the console's surface,
 * misleading text.
 */
import { request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AgentFacts, DeployPayload } from '#shared/contract/agent/link.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { openPairing } from '../../test-kit/pairing-agent.ts'
import type { SimAgent, SimIdentity } from '../../test-kit/sim-agent.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

let t: TestController
let [x, y]: SimAgent[] = []
let [idX, idY]: SimIdentity[] = []
let ofX: DeployPayload
let ofY: DeployPayload
let deployment: DeploymentId

beforeAll(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0 } } })
  idX = await t.enroll('PC-X')
  idY = await t.enroll('PC-Y')
  x = await t.connect(idX)
  y = await t.connect(idY)
  const { id } = await t.addScript('tool', '#!/bin/sh\necho secret installer\n')
  deployment = (
    await t.rest.call('deployments.create', {
      body: { name: 'both', software_ids: [id], device_ids: [idX.deviceId, idY.deviceId] },
    })
  ).deployment_id
  for (const endAt = Date.now() + 10_000; Date.now() < endAt; await sleep(20))
    if (x.commands.length + y.commands.length === 2) break
  // Both have accepted theirs, and that is recorded.
  for (const endAt = Date.now() + 10_000; Date.now() < endAt; await sleep(20)) {
    const { targets } = await t.rest.call('deployments.progress', { params: { id: deployment } })
    if (targets.every((target) => target.deployment_status === 'downloading')) break
  }
  ofX = x.commands[0] as DeployPayload
  ofY = y.commands[0] as DeployPayload
})
afterAll(() => t.stop())

const targetOfY = async () => {
  const { targets } = await t.rest.call('deployments.progress', { params: { id: deployment } })
  return targets.find((target) => target.device_id === idY!.deviceId)
}
const outputOfY = () =>
  t.rest.call('deployments.output', { params: { id: deployment, target_id: ofY.target_id } })

function get(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: t.hub.port,
        path,
        headers,
        ca: t.hub.cert,
        servername: 'deployx.invalid',
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
    call.on('error', reject)
    call.end()
  })
}

describe('an agent that impersonates another', () => {
  it('changes nothing with its result, progress or output, even if it knows all ids', async () => {
    const before = await targetOfY()
    await x!.result(ofY, { message: 'I say so' })
    await x!.progress(ofY, 'installing', 1)
    await x!.output(ofY, 1, 'words put in its mouth')
    // Its own attempt with the other's target, and the other way round.
    await x!.result({ ...ofX, target_id: ofY.target_id }, {})
    await x!.result({ ...ofY, attempt_id: ofX.attempt_id }, {})
    await x!.output({ ...ofX, target_id: ofY.target_id }, 1, 'words put in its mouth')
    expect(await targetOfY()).toEqual(before)
    expect((await outputOfY()).text).toBe('')
  })

  it('gets no command for another, whatever it joins or requests', async () => {
    const count = x!.commands.length
    const emitter = x!.socket as unknown as { emit: (event: string, ...args: unknown[]) => void }
    for (const event of ['join', 'subscribe', 'deploy_software', 'challenge'])
      emitter.emit(event, `device:${idY!.deviceId}`, { device_id: idY!.deviceId })
    await t.rest.raw('POST', `/deployments/${deployment}/retry`, {})
    expect(x!.commands.length).toBe(count)
  })

  it('does not take its place with the other’s number and its own key', async () => {
    const { connectSimAgent } = await import('../../test-kit/sim-agent.ts')
    const impostor = connectSimAgent(t.hub, { ...idX!, deviceId: idY!.deviceId })
    await expect(impostor.welcomed).rejects.toThrow('not enrolled here')
    impostor.close()
    expect(y!.socket.connected).toBe(true)
  })
})

describe('the URL of a package', () => {
  const split = (url: string) =>
    /^\/content\/(\w+)\/(\w+)\?t=(.+)$/.exec(url)!.slice(1) as [string, string, string]
  it('serves the device it was made for, and no other by its ticket', async () => {
    expect((await get(ofY.url)).text).toContain('secret installer')
    const [attemptX, sha, ticketX] = split(ofX.url)
    const [attemptY, , ticketY] = split(ofY.url)
    const paths = [
      `/content/${attemptY}/${sha}?t=${ticketX}`,
      `/content/${attemptX}/${sha}?t=${ticketY}`,
      `/content/${attemptY}/${sha}`,
      `/content/${attemptY}/${'0'.repeat(64)}?t=${ticketY}`,
      `/content/${attemptY}/${sha}?t=${ticketY}&t=${ticketX}`,
      `/content/${attemptY}/../${attemptY}/${sha}?t=${ticketY}`,
      `/content/%2e%2e/%2e%2e/deployx.db`,
      `/content/../keys/access-token.key`,
      '/content/',
      '/deployx.db',
    ]
    for (const path of paths) {
      const { status, text } = await get(path)
      expect([400, 403, 404], path).toContain(status)
      expect(text, path).not.toContain('secret installer')
    }
  })
})

describe("an agent's secrets", () => {
  it('open nothing of the console: not its key, not its ticket, not the command key', async () => {
    const ticket = ofX.url.split('t=')[1]!
    for (const token of [ticket, ofX.attempt_id, idX!.commandKey, idX!.privateKey.split('\n')[1]!])
      for (const path of ['/devices', '/users', `/deployments/${deployment}/report.csv`])
        expect(
          (await createRestClient(t.controller.consoleUrl, token).raw('GET', path)).status,
        ).toBe(401)
    // The hub's port serves none of it either.
    for (const path of ['/devices', '/auth/state', '/health', '/openapi.json', '/'])
      expect((await get(path, { authorization: `Bearer ${t.session.token}` })).status).toBe(404)
  })
})

describe('misleading text', () => {
  const STEERING = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u
  const hostile =
    '=cmd|\u202egpj.exe\u001b[2J\u0000\r\n"level":50\u2028<img src=x onerror=alert(1)>'
  it('in names and versions of a PC is made visible before it is shown', async () => {
    const facts: AgentFacts = {
      name: 'PC-X',
      platform: 'linux',
      arch: 'x64',
      os_version: hostile,
      agent_version: '\u2066x\u0007',
      free_disk_bytes: 1,
    }
    await x!.socket.timeout(EVENT_LIMIT_MS).emitWithAck('inventory_report', { facts })
    const { code } = await t.rest.call('enrollments.create', { body: {} })
    const { enrollSimAgent } = await import('../../test-kit/sim-agent.ts')
    await enrollSimAgent(t.hub, code, hostile)
    const { devices } = await t.rest.call('devices.list', {})
    const { entries } = await t.rest.call('audit.list', { query: { q: 'device' } })
    const shownTexts = devices
      .flatMap((d) => [d.name, d.os_version, d.agent_version])
      .concat(entries.map((e) => e.subject))
    expect(shownTexts.some((text) => text.includes('gpj.exe'))).toBe(true)
    for (const text of shownTexts) expect(text).not.toMatch(STEERING)
  })

  it('is made visible for a PC that waits for approval', async () => {
    const hub = { port: t.hub.port, fingerprint: t.controller.fingerprint }
    const pairing = openPairing(hub, hostile)
    try {
      await pairing.begin()
      await pairing.reveal()
      const { devices } = await t.rest.call('devices.list', {})
      const waiting = devices.filter((d) => d.pairing)
      expect(waiting).toHaveLength(1)
      expect(waiting[0]!.name).toContain('gpj.exe')
      expect(waiting[0]!.name).not.toMatch(STEERING)
    } finally {
      pairing.close()
    }
  })

  it('is refused in every name that a user enters', async () => {
    const name = 'Accounts \u202egpj.exe'
    const bodies: [string, string, object][] = [
      ['POST', '/groups', { name }],
      ['PATCH', `/devices/${idX!.deviceId}`, { name }],
      ['POST', '/users', { username: name, password: 'long enough', role: 'technician' }],
      ['POST', '/deployments/create', { name, software_ids: [1], device_ids: [1] }],
      [
        'POST',
        '/deployments/create',
        { name: 'x', device_ids: [1], custom_software: [{ name, download_url: 'http://x/y.deb' }] },
      ],
    ]
    for (const [method, path, body] of bodies) {
      const reply = await t.rest.raw(method, path, body)
      expect([path, reply.status]).toEqual([path, 400])
    }
  })

  it('in a result becomes neither a formula nor a new line of the export', async () => {
    await y!.result(ofY, {
      status: 'failed',
      reason: 'install_failed',
      exit_code: 1,
      message: `${hostile}\r\n=1+1,2`,
    })
    const { body } = await t.rest.raw('GET', `/deployments/${deployment}/report.csv`)
    const csv = body as string
    expect(csv).toContain(`"'=cmd|`)
    expect(csv).not.toMatch(/(?:^|[,\n\r])"?[=+@]/)
    expect(csv).not.toMatch(/[\u0000\u001b\u202e]/)
  })
})

describe('prototype pollution', () => {
  it('is refused or ignored in every body, and changes no rights', async () => {
    await t.rest.call('users.create', {
      body: { username: 'tom', password: 'tom tom tom', role: 'technician' },
    })
    const { token } = await t.anonymous.call('auth.login', {
      body: { username: 'tom', password: 'tom tom tom' },
    })
    const tom = createRestClient(t.controller.consoleUrl, token)
    for (const key of ['"__proto__"', '"constructor"', '"\\u005f_proto__"'])
      for (const [method, path] of [
        ['POST', '/groups'],
        ['POST', '/enrollments'],
        ['POST', '/deployments/create'],
        ['POST', '/auth/login'],
      ] as const) {
        const body = `{"name":"g","username":"tom","password":"x",${key}:{"prototype":{"role":"admin"},"role":"admin","isAdmin":true}}`
        expect((await tom.raw(method, path, body)).status).toBeLessThan(500)
      }
    expect(({} as Record<string, unknown>)['role']).toBeUndefined()
    expect((await tom.raw('GET', '/users')).status).toBe(403)
    const report = { ...ofX, status: 'success', message: 'x' }
    const polluted = JSON.parse(
      `{"__proto__":{"role":"admin"},${JSON.stringify(report).slice(1)}`,
    ) as typeof report
    await x!.socket.timeout(EVENT_LIMIT_MS).emitWithAck('deployment_result', polluted as never)
    expect(({} as Record<string, unknown>)['role']).toBeUndefined()
  })
})
