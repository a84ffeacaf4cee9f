/**
 * A man in the middle, a PC that lies about its number, and a flood of pairings. Against this
 * test's own hub only.
 */
import { createPublicKey } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Device } from '#shared/contract/rest/devices.ts'
import { until } from '#shared/test-kit/until.ts'
import { startDiscovery } from '../../test-kit/discovering-agent.ts'
import {
  newKey,
  newNonce,
  openPairing,
  startManInTheMiddle,
  type PairingClient,
  type PairingKey,
} from '../../test-kit/pairing-agent.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'
import { TEST_WORKERS_DIR } from '../../test-kit/workers.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'

let t: TestController
const undo: (() => unknown)[] = []
beforeEach(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0 } } })
})
afterEach(async () => {
  // In reverse order: a stopping controller writes into its folder, so the folder must still exist.
  for (const step of undo.splice(0).reverse()) await step()
  await t.stop()
})

const commandKey = (): string =>
  createPublicKey(readFileSync(join(t.dataDir, 'keys', 'command-signing.key')))
    .export({ type: 'spki', format: 'der' })
    .toString('base64')
const list = async (): Promise<Device[]> => (await t.rest.call('devices.list', {})).devices
function knock(name: string, key?: PairingKey, from?: string): PairingClient {
  const hub = { port: t.hub.port, fingerprint: t.controller.fingerprint, ...(from && { from }) }
  const client = openPairing(hub, name, key)
  undo.push(() => client.close())
  return client
}
const refusalOf = (reply: { ok: boolean; message?: string }): string =>
  reply.ok ? 'taken' : (reply.message ?? '')

async function standBetween(change?: (nonce: string, agentNonce: string) => string) {
  const hub = { port: t.hub.port, fingerprint: t.controller.fingerprint, commandKey: commandKey() }
  const man = await startManInTheMiddle(hub, change)
  const agent = startDiscovery('VICTIM', { port: man.port })
  undo.push(
    () => man.stop(),
    () => agent.remove(),
  )
  return { man, agent }
}

describe('a man in the middle with their own key', () => {
  it('cannot make both screens show the same digits: the agent’s cover the attacker’s key, the console’s the hub’s', async () => {
    const { man, agent } = await standBetween()
    const onThePc = await agent.digits()
    await until('the console shows it', async () => (await list()).length === 1)
    const inTheConsole = (await list())[0]!.pairing!.digits
    // The attacker knows both numbers, and nothing else.
    expect(onThePc).toBe(man.seen.towardsAgent)
    expect(inTheConsole).toBe(man.seen.towardsHub)
    expect(onThePc).not.toBe(inTheConsole)
    agent.type('n')
    expect(await agent.ended).toBe(1)
    expect(man.seen.answers).toEqual([{ same: false }])
    expect(agent.enrollment()).toBeNull()
  })

  it('cannot search for a number that produces the same digits: a number that was not committed to is refused', async () => {
    let tries = 0
    // The agent has revealed its number and the hub's digits are known: the attacker would choose a
    // number now.
    const { agent } = await standBetween(() => {
      tries++
      return newNonce()
    })
    expect(await agent.ended).toBe(1)
    expect(tries).toBe(1)
    expect(agent.output()).toContain('did not show the number that it had committed to')
    expect(agent.output()).not.toMatch(/\d{3} \d{3}/)
    expect(agent.enrollment()).toBeNull()
  })

  it('cannot use the PC’s own key towards the hub: its proof contains the key that the PC has seen', async () => {
    const key = newKey()
    const towardsHim = openPairing(
      { port: t.hub.port, fingerprint: 'sha256/' + 'A'.repeat(43) + '=' },
      'PC',
      key,
    )
    undo.push(() => towardsHim.close())
    expect(refusalOf(await towardsHim.begin())).toContain('did not prove that it holds its key')
  })
})

describe('a PC that lies', () => {
  it('is refused when it reveals a number that it has not committed to, and has to wait', async () => {
    const liar = knock('LIAR')
    await liar.begin()
    await liar.reveal(newNonce()).catch(() => undefined)
    await until('it receives the reason', () => liar.ended.length === 1)
    expect(liar.ended[0]).toMatchObject({ retry_after_seconds: 60 })
    expect(liar.ended[0]!.message).toContain('did not show the number')
    expect(await list()).toEqual([])
    expect(refusalOf(await knock('LIAR', liar.key).begin())).toContain('An earlier attempt')
  })

  it.each([
    [
      'an answer before the digits',
      async (c: PairingClient) => {
        await c.begin()
        await c.ask('pair_answer', { same: true })
      },
    ],
    ['a number before the commitment', (c: PairingClient) => c.reveal()],
    ['nonsense', (c: PairingClient) => c.ask('pair_begin', { protocol: 'x' })],
    [
      'its commitment twice',
      async (c: PairingClient) => {
        await c.begin()
        await c.begin()
      },
    ],
    [
      'its number twice',
      async (c: PairingClient) => {
        await c.begin()
        await c.reveal()
        await c.reveal()
      },
    ],
  ] as const)('is cut off for %s, and no device is created', async (_what, lie) => {
    const client = knock('LIAR')
    await lie(client).catch(() => undefined)
    await until('it is cut off', () => !client.socket.connected)
    await until('nothing stays', async () => (await list()).length === 0)
  })

  it('cannot be admitted by its own confirmation without approval in the console', async () => {
    const client = knock('EAGER')
    const admitted: unknown[] = []
    client.socket.on('pair_admitted', (body) => admitted.push(body))
    await client.begin()
    await client.reveal()
    await client.ask('pair_answer', { same: true })
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(admitted).toEqual([])
    expect((await list())[0]).toMatchObject({ approved: false, pairing: { confirmed: true } })
  })
})

describe('a flood of pairings', () => {
  it('fills the four places of its address and no more, and the hub serves everybody else', async () => {
    const replies = []
    for (let i = 0; i < 12; i++) replies.push(await knock(`PC-${i}`).begin())
    expect(replies.filter((reply) => reply.ok)).toHaveLength(4)
    expect(refusalOf(replies[11]!)).toContain('Too many PCs are already waiting')
    // None of them is a device yet: none has revealed its number.
    expect(await list()).toEqual([])
    const identity = await t.enroll('WITH-A-CODE')
    await t.connect(identity)
    expect(t.controller.activity().online_agents).toBe(1)
  })

  it('is limited to 32 for all addresses together', async () => {
    const replies = []
    for (let i = 0; i < 40; i++) {
      const client = knock(`PC-${i}`, undefined, `127.0.0.${10 + i}`)
      replies.push(await client.begin())
    }
    expect(replies.filter((reply) => reply.ok)).toHaveLength(32)
  })

  it('ends at the hourly limit on all tries, whatever key and address they use', async () => {
    await t.stop()
    t = await startTestController({ timings: { pairing: { perHour: 5, firstMs: 1 } } })
    for (let i = 0; i < 5; i++) {
      const client = knock(`PC-${i}`, undefined, `127.0.0.${10 + i}`)
      await client.begin()
      client.close()
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
    const reply = await knock('ONE-MORE', undefined, '127.0.0.99').begin()
    expect(reply).toMatchObject({ ok: false })
    expect(reply.ok ? 0 : reply.retry_after_seconds).toBeGreaterThan(3_000)
  })

  it('closes connections that request nothing', async () => {
    const silent = knock('SILENT')
    await until('the connection is open', () => silent.socket.connected)
    await until('it is cut off', () => !silent.socket.connected)
  })
})

it('leaves no device behind when the controller is killed during the comparison of digits', async () => {
  const client = knock('LEFTOVER')
  await client.begin()
  await client.reveal()
  expect(await list()).toHaveLength(1)
  // The disk of a killed controller.
  const dataDir = mkdtempSync(join(tmpdir(), 'deployx-killed-'))
  undo.push(() => rmSync(dataDir, { recursive: true, force: true }))
  cpSync(t.dataDir, dataDir, { recursive: true, filter: (file) => !file.endsWith('.lock') })
  const { startController } = await import('../../compose/index.ts')
  const controller = await startController({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    workersDir: TEST_WORKERS_DIR,
    rendererDir: null,
    version: '0.0.0-test',
    hubHost: '127.0.0.1',
    hubPort: 0,
    consolePort: 0,
    allowedOrigins: [],
    log: (await import('pino')).default({ level: 'silent' }),
  })
  undo.push(() => controller.stop())
  const { token } = await createRestClient(controller.consoleUrl).call('auth.login', {
    body: { username: 'anna', password: 'correct horse' },
  })
  const { devices } = await createRestClient(controller.consoleUrl, token).call('devices.list', {})
  expect(devices).toEqual([])
})
