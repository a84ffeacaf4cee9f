/**
 * Limits for unauthenticated clients: connections, time, memory and guesses are bounded on both
 * ports.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ENROLL_PATH, enrollText } from '#shared/contract/agent/link.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const HUB_NAME = 'deployx.invalid'
const WAIT_LIMIT_MS = 120_000

let t: TestController
beforeAll(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0 } } })
})
afterAll(() => t.stop())

const consolePort = (): number => Number(new URL(t.controller.consoleUrl).port)
const hubTls = () =>
  connectTls({ host: '127.0.0.1', port: t.hub.port, ca: t.hub.cert, servername: HUB_NAME })

/** How long until the peer closed the connection; null if it does not. */
async function closedAfterMs(socket: Socket): Promise<number | null> {
  const startMs = performance.now()
  socket.on('error', () => undefined)
  socket.resume()
  const closed = once(socket, 'close').then(() => performance.now() - startMs)
  let timer: NodeJS.Timeout | undefined
  const never = new Promise<null>((resolve) => (timer = setTimeout(resolve, WAIT_LIMIT_MS, null)))
  const after = await Promise.race([closed, never])
  clearTimeout(timer)
  socket.destroy()
  return after
}
/** Retries if the hub has closed the connection: on a slow computer a handshake may take longer than it waits. */
async function opened(open: () => Socket): Promise<Socket> {
  for (;;) {
    const socket = open()
    const event = 'getPeerCertificate' in socket ? 'secureConnect' : 'connect'
    const error = await once(socket, event).catch((e: NodeJS.ErrnoException) => e)
    if (!(error instanceof Error)) return socket
    if (error.code !== 'ECONNRESET') throw error
  }
}
/** Sends a text byte by byte, slowly, while the connection is open. */
function trickle(socket: Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => socket.write(text[at++ % text.length]!), 500)
  socket.once('close', () => clearInterval(timer))
}

describe('an unauthenticated connection', () => {
  it.each(['hub', 'console'] as const)(
    'cannot stay by joining the default namespace: %s',
    async (port) => {
      const url =
        port === 'hub' ? `wss://127.0.0.1:${t.hub.port}` : `ws://127.0.0.1:${consolePort()}`
      const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, {
        ca: t.hub.cert,
        servername: HUB_NAME,
      } as never)
      const received: string[] = []
      socket.on('message', (data: Buffer) => {
        received.push(data.toString())
        if (data.toString() === '2') socket.send('3')
      })
      await once(socket, 'open')
      socket.send('40')
      const gone = once(socket, 'close').then(() => 'gone')
      const late = new Promise((resolve) => setTimeout(resolve, WAIT_LIMIT_MS, 'still there'))
      expect(await Promise.race([gone, late])).toBe('gone')
      expect(received.some((text) => text.startsWith('40'))).toBe(false)
    },
  )

  it.each<[string, () => Socket, (socket: Socket) => void]>([
    [
      'sends nothing to the hub',
      () => connectTcp({ host: '127.0.0.1', port: t.hub.port }),
      () => undefined,
    ],
    [
      'sends the head of a request to the hub byte by byte',
      hubTls,
      (socket) => {
        socket.write('POST /agent/enroll HTTP/1.1\r\nhost: x\r\n')
        trickle(socket, 'x-a: b\r\n')
      },
    ],
    [
      'sends an enrolment byte by byte',
      hubTls,
      (socket) => {
        socket.write('POST /agent/enroll HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n{')
        trickle(socket, ' ')
      },
    ],
    [
      'sends an unexpected body byte by byte',
      hubTls,
      (socket) => {
        socket.write('POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n')
        trickle(socket, ' ')
      },
    ],
    [
      'signs in byte by byte',
      () => connectTcp({ host: '127.0.0.1', port: consolePort() }),
      (socket) => {
        socket.write(
          'POST /auth/login HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n{',
        )
        trickle(socket, ' ')
      },
    ],
  ])('is closed if it %s', async (_what, open, act) => {
    const socket = await opened(open)
    act(socket)
    expect(await closedAfterMs(socket)).not.toBeNull()
  })
})

describe('a guessed enrolment code', () => {
  const post = (secret: string): Promise<number> => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const public_key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    const text = enrollText(t.controller.fingerprint, secret, public_key)
    const body = JSON.stringify({
      protocol: 1,
      secret,
      public_key,
      signature: sign(null, Buffer.from(text), privateKey).toString('base64'),
      facts: {
        name: 'x',
        platform: 'linux',
        arch: 'x64',
        os_version: 'x',
        agent_version: 'x',
        free_disk_bytes: 1,
      },
    })
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port: t.hub.port,
          path: ENROLL_PATH,
          method: 'POST',
          ca: t.hub.cert,
          servername: HUB_NAME,
          headers: {
            'content-type': 'application/json',
            'x-forwarded-for': `10.0.0.${Date.now() % 250}`,
          },
        },
        (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
      call.on('error', reject)
      call.end(body)
    })
  }

  it('may be tried a few dozen times a minute, whatever address the guesser claims', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 80; i++) statuses.push(await post(`guess-${i}`.padEnd(22, 'x')))
    expect(new Set(statuses)).toEqual(new Set([403, 429]))
    expect(statuses.filter((s) => s === 403).length).toBeLessThanOrEqual(60)
    expect(statuses.at(-1)).toBe(429)
    expect((await t.rest.call('devices.list', {})).devices).toEqual([])
  })
})
