/** The controller's keys change, are saved, lost and stolen; its agents, real ones, follow the right one and nobody else. */
import { createHmac, randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startController, type Controller, type ControllerOptions } from '../compose.ts'
import { startRealAgent, type RealAgent } from '../test-kit/real-agent.ts'
import { createRestClient, type RestClient } from '../test-kit/test-controller.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const ANNA = { username: 'anna', password: 'correct horse' }
const PASSPHRASE = 'a long way from home'

let folder: string
let agents: RealAgent[]
let controllers: Controller[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-identity-'))
  agents = []
  controllers = []
})
afterEach(async () => {
  for (const agent of agents) await agent.remove()
  for (const controller of controllers) await controller.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function start(
  dataDir: string,
  hubPort = 0,
  more: Pick<ControllerOptions, 'onRestored' | 'keystore'> = {},
): Promise<Controller> {
  const controller = await startController({
    dataDir: join(folder, dataDir),
    migrationsDir: join(ROOT, 'main', 'controller', 'store', 'migrations'),
    workersDir: process.features.typescript ? null : join(ROOT, 'out', 'main', 'workers'),
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

async function until(holds: () => Promise<boolean> | boolean, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not come about')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
/** A deployment of a script to the first device: does it get through, signature, download and all? */
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
  expect(reply.status).toBe(200)
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
/** On another computer: an empty controller takes up the file and is started anew, as the desktop does. */
async function takeUp(
  dataDir: string,
  bytes: Uint8Array<ArrayBuffer>,
  hubPort: number,
  fields: Record<string, string> = {},
): Promise<Controller> {
  let restarts = 0
  const empty = await start(dataDir, 0, { onRestored: () => restarts++ })
  expect(await restore(empty, bytes, fields)).toMatchObject({
    status: 200,
    body: { restarting: true },
  })
  await until(() => restarts === 1)
  await stop(empty)
  return start(dataDir, hubPort)
}

describe('new keys', { timeout: 60_000 }, () => {
  it.each([
    ['of the hub', { tls: true, command: false }],
    ['for commands', { tls: false, command: true }],
    ['for both', { tls: true, command: true }],
  ])('%s: agents follow, and deployments go on', async (_what, body) => {
    const controller = await start('a')
    const rest = await signIn(controller, 'setup')
    await addAgent(rest)
    const before = await rest.call('controller.identity', {})
    const after = await rest.call('controller.rotate', { body })
    expect(after.fingerprint === before.fingerprint).toBe(!body.tls)
    expect(after.key_id === before.key_id).toBe(!body.command)
    expect(after).toMatchObject({ generation: 0, epoch: 1 })
    expect(controller.fingerprint).toBe(after.fingerprint)
    await until(async () => (await online(rest)) === 1)
    expect(await deploys(rest)).toBe('completed')
    // And again, by what the agent has written down.
    await rest.call('controller.rotate', { body })
    expect(await deploys(rest)).toBe('completed')
    await until(async () => (await rest.call('controller.identity', {})).devices_followed === 1)
  })

  it('reach an agent that was switched off during several changes, and a restarted controller has them', async () => {
    let controller = await start('a')
    const port = portOf(controller)
    const agent = await addAgent(await signIn(controller, 'setup'))
    await agent.kill()
    const rest = await signIn(controller)
    for (let i = 0; i < 3; i++)
      await rest.call('controller.rotate', { body: { tls: i !== 1, command: i !== 0 } })
    const { fingerprint } = controller
    await stop(controller)
    controller = await start('a', port)
    expect(controller.fingerprint).toBe(fingerprint)
    agent.restart()
    const again = await signIn(controller)
    await until(async () => (await online(again)) === 1)
    expect(await deploys(again)).toBe('completed')
  })

  it('make codes of before useless, which is told', async () => {
    const controller = await start('a')
    const rest = await signIn(controller, 'setup')
    await rest.call('enrollments.create', { body: {} })
    await rest.call('controller.rotate', { body: { tls: true } })
    expect((await rest.call('enrollments.list', {})).enrollments).toMatchObject([{ revoked: true }])
    expect((await rest.raw('POST', '/controller/identity/rotate', {})).status).toBe(400)
    const { entries } = await rest.call('audit.list', { query: {} })
    expect(entries.map(({ action }) => action)).toContain('controller.rotate_keys')
  })
})

describe('a recovery file', { timeout: 60_000 }, () => {
  it('lets another computer go on where a dead one stopped', async () => {
    const dead = await start('a')
    const port = portOf(dead)
    const rest = await signIn(dead, 'setup')
    const agent = await addAgent(rest)
    expect(await deploys(rest)).toBe('completed')
    expect(await rest.call('controller.identity', {})).toMatchObject({ recovery_saved: false })
    const bytes = await saved(dead)
    expect(await rest.call('controller.identity', {})).toMatchObject({ recovery_saved: true })
    const { fingerprint } = dead
    await stop(dead)

    const next = await takeUp('b', bytes, port)
    expect(next.fingerprint).toBe(fingerprint)
    const again = await signIn(next)
    await until(async () => (await online(again)) === 1)
    expect((await again.call('deployments.list', {})).deployments).toHaveLength(1)
    expect(await deploys(again)).toBe('completed')
    expect(agent.said()).not.toContain('Enrolled as device 2')
    const { entries } = await again.call('audit.list', { query: {} })
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['controller.save_recovery', 'controller.restore']),
    )
  })

  it('takes a stolen computer its power: agents follow the new keys and turn away from the old', async () => {
    const stolen = await start('a')
    const port = portOf(stolen)
    const rest = await signIn(stolen, 'setup')
    const agent = await addAgent(rest)
    const bytes = await saved(stolen)
    const thiefsToken = await tokenOf(stolen)
    await stop(stolen)
    cpSync(join(folder, 'a'), join(folder, 'thief'), { recursive: true })

    const next = await takeUp('b', bytes, port, { revoke: 'true' })
    const again = await signIn(next)
    expect(await again.call('controller.identity', {})).toMatchObject({ generation: 1, epoch: 0 })
    // Nobody stays signed in by what the thief has.
    const withStolen = createRestClient(next.consoleUrl, thiefsToken)
    expect((await withStolen.raw('GET', '/devices')).status).toBe(401)
    await until(async () => (await online(again)) === 1)
    expect(await deploys(again)).toBe('completed')
    await stop(next)

    // The thief's controller, with every key of before, where the agent looks for its hub.
    const thief = await start('thief', port)
    const thiefsRest = await signIn(thief)
    await agent.kill()
    agent.restart()
    await until(() => agent.said().includes('does not show the key of the enrolled controller'))
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(await online(thiefsRest)).toBe(0)
    // The thief rotates on from what he has: that leads nobody either.
    await thiefsRest.call('controller.rotate', { body: { tls: true, command: true } })
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect(await online(thiefsRest)).toBe(0)
  })

  it('is of no use without its passphrase, altered or cut short, and leaves nothing behind', async () => {
    const controller = await start('a')
    await signIn(controller, 'setup')
    const bytes = await saved(controller)
    const empty = await start('b')
    const before = readdirSync(join(folder, 'b')).sort()
    const wrong = await restore(empty, bytes, { passphrase: 'another passphrase' })
    expect(wrong).toMatchObject({ status: 403, body: { error: { code: 'E_PASSPHRASE' } } })
    for (const at of [100, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const altered = bytes.slice()
      altered[at]! ^= 1
      expect((await restore(empty, altered)).status).toBeGreaterThanOrEqual(400)
    }
    for (const length of [0, 10, 200, bytes.length - 1, Math.floor(bytes.length / 2)])
      expect((await restore(empty, bytes.slice(0, length))).status).toBeGreaterThanOrEqual(400)
    expect(await restore(empty, new TextEncoder().encode('hello'))).toMatchObject({
      status: 400,
      body: { error: { code: 'E_RECOVERY_FILE' } },
    })
    const left = readdirSync(join(folder, 'b')).filter((name) => !before.includes(name))
    expect(left).toEqual(['temporary'])
    expect(readdirSync(join(folder, 'b', 'temporary'))).toEqual([])
    // It is still an empty controller.
    expect((await createRestClient(empty.consoleUrl).call('auth.state', {})).setup_needed).toBe(
      true,
    )
  })

  it('holds no key in plain, and once it is saved the data folder does not hold the recovery key either', async () => {
    const controller = await start('a')
    await signIn(controller, 'setup')
    const keys = join(folder, 'a', 'keys')
    const recovery = readFileSync(join(keys, 'recovery.key'), 'utf8')
    const command = readFileSync(join(keys, 'command-signing.key'), 'utf8')
    const text = Buffer.from(await saved(controller)).toString('latin1')
    for (const secret of [recovery, command]) expect(text).not.toContain(secret.slice(40, 60))
    expect(text).not.toContain('anna')
    expect(existsSync(join(keys, 'recovery.key'))).toBe(false)
    for (const name of readdirSync(keys))
      expect(readFileSync(join(keys, name), 'latin1')).not.toContain(recovery.slice(40, 60))
    // Another passphrase would leave an older file's owner with a key that opens nothing.
    const other = await saveRecoveryFile(
      controller,
      await tokenOf(controller),
      'another passphrase',
    )
    expect(other.status).toBe(403)
    expect((await saveRecoveryFile(controller, await tokenOf(controller), 'short')).status).toBe(
      400,
    )
    expect(readdirSync(join(folder, 'a', 'temporary'))).toEqual([])
  })

  it('is taken up by an empty controller only, and saved by an administrator only', async () => {
    const controller = await start('a')
    const rest = await signIn(controller, 'setup')
    const bytes = await saved(controller)
    expect(await restore(controller, bytes)).toMatchObject({
      status: 409,
      body: { error: { code: 'E_SETUP_DONE' } },
    })
    await rest.call('users.create', {
      body: { username: 'ben', password: 'correct horse too', role: 'technician' },
    })
    const { token } = await createRestClient(controller.consoleUrl).call('auth.login', {
      body: { username: 'ben', password: 'correct horse too' },
    })
    expect((await saveRecoveryFile(controller, token)).status).toBe(403)
    const anonymous = createRestClient(controller.consoleUrl)
    for (const [method, path] of [
      ['GET', '/controller/identity'],
      ['POST', '/controller/identity/rotate'],
      ['POST', '/controller/recovery-file'],
    ] as const)
      expect((await anonymous.raw(method, path, method === 'GET' ? undefined : {})).status).toBe(
        401,
      )
  })

  it('that was proven but not yet taken up waits for the next start; half of one is not used', async () => {
    const first = await start('a')
    await signIn(first, 'setup')
    const bytes = await saved(first)
    const { fingerprint } = first
    const empty = await start('b')
    const own = empty.fingerprint
    expect(await restore(empty, bytes)).toMatchObject({ body: { restarting: false } })
    await stop(empty)
    cpSync(join(folder, 'b'), join(folder, 'c'), { recursive: true })
    rmSync(join(folder, 'c', 'restore.next', 'restored.json'))
    expect((await start('c')).fingerprint).toBe(own)
    // The power went between its two steps: the keys are in place, the database is not.
    cpSync(join(folder, 'b'), join(folder, 'd'), { recursive: true })
    rmSync(join(folder, 'd', 'keys'), { recursive: true })
    cpSync(join(folder, 'd', 'restore.next', 'keys'), join(folder, 'd', 'keys'), {
      recursive: true,
    })
    rmSync(join(folder, 'd', 'restore.next', 'keys'), { recursive: true })
    for (const name of ['b', 'd']) {
      const controller = await start(name)
      expect(controller.fingerprint).toBe(fingerprint)
      await signIn(controller)
    }
  })
})

/** Stands in for Keychain, DPAPI or a keyring, which tests have not: it gives back only what it was given itself. */
function makeKeystore() {
  const key = randomBytes(32)
  const mix = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte, i) => byte ^ key[i % 32]!))
  const check = (text: string): string => createHmac('sha256', key).update(text).digest('hex')
  return {
    protect: (secret: string): Buffer => mix(Buffer.from(check(secret) + secret)),
    unprotect(bytes: Buffer): string {
      const text = mix(bytes).toString('latin1')
      if (check(text.slice(64)) !== text.slice(0, 64)) throw new Error('not mine')
      return text.slice(64)
    },
  }
}

describe('with a keystore of the operating system', { timeout: 60_000 }, () => {
  const secrets = ['hub-tls.key', 'command-signing.key', 'access-token.key', 'content.key']
  const filesOf = (dataDir: string): string[] =>
    secrets.map((name) => readFileSync(join(folder, dataDir, 'keys', name), 'latin1'))

  it('no key lies on the disk in plain, not even one that did before; and everything goes on', async () => {
    const plain = await start('a')
    const rest = await signIn(plain, 'setup')
    const port = portOf(plain)
    await addAgent(rest)
    expect(await rest.call('controller.identity', {})).toMatchObject({ keystore: false })
    await stop(plain)
    const before = filesOf('a')
    const keystore = makeKeystore()
    const controller = await start('a', port, { keystore })
    expect(controller.fingerprint).toBe(plain.fingerprint)
    for (const [i, text] of filesOf('a').entries()) {
      expect(text).toMatch(/^DEPLOYX-SEALED-1\n/)
      expect(text).not.toContain(before[i]!.slice(40, 60))
    }
    const again = await signIn(controller)
    expect(await again.call('controller.identity', {})).toMatchObject({ keystore: true })
    await until(async () => (await online(again)) === 1)
    expect(await deploys(again)).toBe('completed')
    await again.call('controller.rotate', { body: { tls: true, command: true } })
    for (const text of filesOf('a')) expect(text).toMatch(/^DEPLOYX-SEALED-1\n/)
    expect(await deploys(again)).toBe('completed')

    // A recovery file does not depend on this computer's keystore.
    const bytes = await saved(controller)
    const { fingerprint } = controller
    await stop(controller)
    const other = await takeUp('b', bytes, port)
    expect(other.fingerprint).toBe(fingerprint)
    const there = await signIn(other)
    await until(async () => (await online(there)) === 1)
  })

  it('another one, or none, does not open the folder, and changes nothing in it', async () => {
    const keystore = makeKeystore()
    await stop(await start('a', 0, { keystore }))
    const before = filesOf('a')
    for (const other of [null, makeKeystore()])
      await expect(start('a', 0, { keystore: other })).rejects.toMatchObject({
        code: 'E_KEYS_SEALED',
      })
    expect(filesOf('a')).toEqual(before)
    await start('a', 0, { keystore })
  })
})

describe('a crash while keys are exchanged', () => {
  it('leaves the old ones or the new ones, never none', async () => {
    const first = await start('a')
    const rest = await signIn(first, 'setup')
    const old = first.fingerprint
    const at = (...names: string[]): string => join(folder, 'a', ...names)
    cpSync(at('keys'), join(folder, 'old-keys'), { recursive: true })
    await rest.call('controller.rotate', { body: { tls: true } })
    const renewed = first.fingerprint
    await stop(first)
    cpSync(at('keys'), join(folder, 'new-keys'), { recursive: true })
    /** What each moment leaves: `keys`, `keys.next` (whole or not), `keys.last`. */
    const moments: [string, string | null, [string, boolean] | null, string | null, string][] = [
      ['while the new set is written', 'old', ['new', false], null, old],
      ['before the first rename', 'old', ['new', true], null, renewed],
      ['between the renames', null, ['new', true], 'old', renewed],
      ['after the second rename', 'new', null, 'old', renewed],
      ['with the new set lost', null, null, 'old', old],
    ]
    for (const [what, keys, next, last, expected] of moments) {
      for (const name of ['keys', 'keys.next', 'keys.last'])
        rmSync(at(name), { recursive: true, force: true })
      const put = (which: string, name: string): void =>
        cpSync(join(folder, `${which}-keys`), at(name), { recursive: true })
      if (keys) put(keys, 'keys')
      if (last) put(last, 'keys.last')
      if (next) put(next[0], 'keys.next')
      if (next?.[1]) writeFileSync(at('keys.next', 'whole'), '')
      const controller = await start('a')
      expect(controller.fingerprint, what).toBe(expected)
      expect(readdirSync(at()).filter((name) => name.startsWith('keys'))).toEqual(['keys'])
      await stop(controller)
    }
  })
})
