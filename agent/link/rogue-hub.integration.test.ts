/**
 * A hub with another key must not receive a single byte: not from enrolment, not from the socket, not from a
 * download.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type SecureVersion, type TLSSocket } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { DeviceId } from '#shared/domain/ids.ts'
import { downloadPackage } from '../download/download.ts'
import { gatherFacts } from '../facts/facts.ts'
import { openIdentity, type Identity } from '../identity/identity.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { makeTlsKey, type TlsKey } from '../test-kit/tls-key.ts'
import { enroll } from './enroll.ts'
import { createLink } from './link.ts'
import { createPinnedConnect, pinnedTo } from './pinned-agent.ts'

type Listener = {
  address: string
  /** Connections that were made. */
  visits: number
  /** Application bytes that arrived. */
  bytes: number
  stop: () => Promise<void>
}

/** Accepts TLS connections and counts received bytes. Sends nothing. */
async function listen(tls: TlsKey, maxVersion: SecureVersion): Promise<Listener> {
  const sockets = new Set<TLSSocket>()
  const listener: Listener = { address: '', visits: 0, bytes: 0, stop: async () => undefined }
  const server = createServer({ key: tls.key, cert: tls.cert, maxVersion }, (socket) => {
    sockets.add(socket)
    socket.on('data', (chunk: Buffer) => {
      listener.bytes += chunk.length
      socket.destroy()
    })
    socket.on('error', () => undefined)
  })
  server.on('connection', () => listener.visits++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  listener.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  listener.stop = () =>
    new Promise((resolve) => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resolve())
    })
  return listener
}

const SECRET = 'A'.repeat(22)
let pinned: TlsKey
let rogue: Listener
let honest: Listener
let folder: ReturnType<typeof makeFolder>
let identity: Identity

async function setUp(version: SecureVersion): Promise<void> {
  pinned = await makeTlsKey()
  rogue = await listen(await makeTlsKey(), version)
  honest = await listen(pinned, version)
  folder = makeFolder()
  identity = openIdentity(join(folder.path, 'identity.json'))
}
afterEach(async () => {
  await rogue.stop()
  await honest.stop()
  folder.remove()
})

const tryEnroll = (address: string): Promise<unknown> =>
  enroll(
    identity,
    { secret: SECRET, fingerprint: pinned.fingerprint, addresses: [address] },
    gatherFacts('pc', folder.path),
    systemClock,
  ).catch((error: unknown) => error)

async function trySocket(address: string): Promise<string[]> {
  const reasons: string[] = []
  const stop = new AbortController()
  const log = pino({ level: 'silent' })
  const link = createLink({
    enrollment: () => ({
      device_id: DeviceId.parse(1),
      command_key: identity.publicKey,
      key_id: 'k',
      fingerprint: pinned.fingerprint,
      addresses: [address],
      secret_hash: '',
      recovery_key: null,
      generation: 0,
      epoch: 0,
    }),
    pin: pinnedTo(pinned.fingerprint),
    sign: identity.sign,
    keeper: identity,
    hello: () => ({
      last_sequence: 0,
      attempts: [],
      hardware_id: null,
      facts: gatherFacts('pc', folder.path),
    }),
    onCommand: () => ({ accepted: true }),
    requests: {
      inspect_device: () => Promise.resolve({ ok: false, message: 'not here' }),
      restart_device: () => Promise.resolve({ result: 'refused', message: 'not here' }),
    },
    onReady: () => reasons.push('ready'),
    onLost: () => undefined,
    find: () => Promise.resolve([]),
    timings: { minMs: 50, maxMs: 100 },
    clock: systemClock,
    random: systemRandom,
    log: Object.assign(Object.create(log) as typeof log, {
      info: (fields: { why?: string }) => reasons.push(fields.why ?? ''),
    }),
  })
  setTimeout(() => stop.abort(), 1_000)
  await link.keep(stop.signal)
  return reasons
}

const tryDownload = (address: string): Promise<unknown> =>
  downloadPackage({
    file: join(folder.path, 'package'),
    sizeBytes: 10,
    sha256: 'a'.repeat(64),
    source: async () => ({
      url: `https://${address}/content/x`,
      connect: createPinnedConnect(pinnedTo(pinned.fingerprint), systemClock),
    }),
    onProgress: () => undefined,
    onVerifying: () => undefined,
    idleTimeoutMs: 1_000,
    clock: systemClock,
    random: systemRandom,
    signal: AbortSignal.timeout(1_500),
  }).catch((error: unknown) => error)

// In TLS 1.2 a client can write immediately; in 1.3 the server's last message may still be under way.
describe.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a hub that presents another key, with %s',
  (version) => {
    beforeEach(() => setUp(version))

    it('receives no byte of an enrolment, and the agent reports why', async () => {
      const error = await tryEnroll(rogue.address)
      expect(String(error)).toContain('does not show the key of the enrolled controller')
      expect(rogue.visits).toBeGreaterThan(0)
      expect(rogue.bytes).toBe(0)
    })

    it('receives no byte from the socket, however often the agent reconnects', async () => {
      const reasons = await trySocket(rogue.address)
      expect(reasons.length).toBeGreaterThan(1)
      expect(reasons[0]).toContain('does not show the key of the enrolled controller')
      expect(rogue.visits).toBeGreaterThan(1)
      expect(rogue.bytes).toBe(0)
    })

    it('receives no byte of a download', async () => {
      await tryDownload(rogue.address)
      expect(rogue.visits).toBeGreaterThan(0)
      expect(rogue.bytes).toBe(0)
    })
  },
)

describe('a listener that presents the pinned key', () => {
  beforeEach(() => setUp('TLSv1.3'))

  it('receives bytes from all three, so that the counts above are meaningful', async () => {
    await tryEnroll(honest.address)
    const afterEnroll = honest.bytes
    expect(afterEnroll).toBeGreaterThan(0)
    await trySocket(honest.address)
    const afterSocket = honest.bytes
    expect(afterSocket).toBeGreaterThan(afterEnroll)
    await tryDownload(honest.address)
    expect(honest.bytes).toBeGreaterThan(afterSocket)
  })
})

describe('the sources of the agent', () => {
  it('disable the certificate check in one place only, where the key is compared instead', () => {
    const folder = join(import.meta.dirname, '..')
    const places = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .flatMap((name) => {
        const text = readFileSync(join(folder, name), 'utf8')
        return [...text.matchAll(/rejectUnauthorized|NODE_TLS_REJECT/g)].map(() => name)
      })
    expect(places).toEqual([join('link', 'pinned-agent.ts')])
  })
})
