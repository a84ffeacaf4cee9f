/**
 * The hub's answers as bytes on a real TLS connection: fragmented, damaged, endless, cut off, and cancelled.
 */
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { createPinnedConnect, pinnedTo } from '../link/pinned-agent.ts'
import { makeTlsKey, type TlsKey } from '../test-kit/tls-key.ts'
import { requestFromHub } from './from-hub.ts'

let key: TlsKey
let server: Server
let asked: string
let answer: (socket: TLSSocket) => void
const sockets = new Set<TLSSocket>()

beforeAll(async () => {
  key = await makeTlsKey()
})
beforeEach(async () => {
  asked = ''
  server = createServer(key, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      asked += bytes.toString('latin1')
      if (asked.endsWith('\r\n\r\n')) answer(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  server.close()
})

const port = (): number => (server.address() as AddressInfo).port
const ask = (part: { from?: number; signal?: AbortSignal; onData?: () => void } = {}) =>
  requestFromHub(createPinnedConnect(pinnedTo(key.fingerprint), systemClock), {
    url: new URL(`https://127.0.0.1:${port()}/content/x?ticket=y%20z`),
    from: part.from ?? 0,
    onData: part.onData ?? (() => undefined),
    signal: part.signal ?? new AbortController().signal,
  })
/** Reads the whole body and how it ended. */
async function drain(answered: ReturnType<typeof ask>) {
  const { flow } = await answered
  const pieces: Buffer[] = []
  const error = await new Promise<Error | null>((resolve) =>
    flow.start((piece) => pieces.push(Buffer.from(piece)), resolve),
  )
  flow.stop()
  return { bytes: Buffer.concat(pieces), error: error?.message ?? null }
}
const whyNot = (answered: ReturnType<typeof ask>): Promise<string> =>
  answered.then(
    () => 'it answered',
    (error: Error) => error.message,
  )
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'

describe('a request to the hub for package bytes', () => {
  it('contains the path, the first missing byte, and nothing else', async () => {
    answer = (socket) => socket.end(`${HEAD}0123456789`)
    await drain(ask({ from: 7 }))
    expect(asked.split('\r\n')).toEqual([
      'GET /content/x?ticket=y%20z HTTP/1.1',
      `Host: 127.0.0.1:${port()}`,
      'Accept-Encoding: identity',
      'Connection: close',
      'Range: bytes=7-',
      '',
      '',
    ])
  })

  it('accepts an answer that arrives byte by byte', async () => {
    answer = (socket) => {
      const bytes = [...`${HEAD}0123456789`]
      const next = (): void => {
        const byte = bytes.shift()
        if (byte !== undefined) socket.write(byte, () => setImmediate(next))
      }
      next()
    }
    expect(await drain(ask())).toEqual({ bytes: Buffer.from('0123456789'), error: null })
  })

  it('loses nothing that arrives before it is read, and applies back pressure to the hub', async () => {
    const content = Buffer.alloc(20 * 1024 * 1024, 'deployx')
    let sent = 0
    answer = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`)
      for (let at = 0; at < content.length; at += 65_536)
        socket.write(content.subarray(at, at + 65_536), () => (sent += 65_536))
    }
    const answered = await ask()
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(sent).toBeLessThan(content.length)
    const { bytes, error } = await drain(Promise.resolve(answered))
    expect(error).toBeNull()
    expect(bytes.equals(content)).toBe(true)
  })

  it('pauses and resumes', async () => {
    const content = Buffer.alloc(20 * 1024 * 1024, 'deployx')
    answer = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`)
      socket.write(content)
    }
    const { flow } = await ask()
    let taken = 0
    let whilePaused = 0
    let isPaused = false
    const error = await new Promise<Error | null>((resolve) =>
      flow.start((piece) => {
        taken += piece.length
        if (isPaused) whilePaused += piece.length
        if (taken < 1024 * 1024 || whilePaused > 0 || isPaused) return
        isPaused = true
        flow.pause()
        setTimeout(() => {
          isPaused = false
          whilePaused ||= 1
          flow.resume()
        }, 300)
      }, resolve),
    )
    expect(error).toBeNull()
    expect(taken).toBe(content.length)
    // Only already decrypted data, not what the hub sent afterwards.
    expect(whilePaused).toBeLessThan(1024 * 1024)
  })

  it('accepts no more bytes than announced', async () => {
    answer = (socket) => socket.end(`${HEAD}0123456789ABC`)
    expect(await drain(ask())).toEqual({
      bytes: Buffer.from('0123456789'),
      error: 'the server sent more than it announced',
    })
  })

  it('reports a connection that ends too early', async () => {
    answer = (socket) => socket.end(`${HEAD}012`)
    expect(await drain(ask())).toEqual({
      bytes: Buffer.from('012'),
      error: 'the connection was closed',
    })
    answer = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-')
    expect(await whyNot(ask())).toBe('the connection was closed')
  })

  it('accepts an answer without a body', async () => {
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    expect(await drain(ask())).toEqual({ bytes: Buffer.alloc(0), error: null })
  })

  it.each([
    ['cannot be parsed', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'the answer has no readable status line'],
    [
      'is chunked',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      'the answer has no valid length',
    ],
    ['has an endless head', 'x'.repeat(100_000), 'the head of the answer does not end'],
  ])('refuses an answer that %s, and closes the connection', async (_what, text, why) => {
    let isClosed = false
    answer = (socket) => {
      socket.once('close', () => (isClosed = true))
      socket.write(text)
    }
    expect(await whyNot(ask())).toBe(why)
    await expect.poll(() => isClosed).toBe(true)
  })

  it.each(['before the head', 'in the body'])(
    'stops immediately when cancelled %s',
    async (when) => {
      let isClosed = false
      const stop = new AbortController()
      answer = (socket) => {
        socket.once('close', () => (isClosed = true))
        if (when === 'in the body') socket.write(`${HEAD}012`)
        setTimeout(() => stop.abort(), 50)
      }
      const answered = ask({ signal: stop.signal })
      if (when === 'in the body') expect((await drain(answered)).error).not.toBeNull()
      else expect(await whyNot(answered)).not.toBe('it answered')
      await expect.poll(() => isClosed).toBe(true)
    },
  )

  it('survives a hub that breaks the connection during the handshake', async () => {
    server.close()
    // In TLS 1.2 the hub sends the last handshake message, so invalid data can follow it directly.
    server = createServer({ ...key, maxVersion: 'TLSv1.2' })
    const raws: Socket[] = []
    server.on('connection', (raw: Socket) => raws.push(raw))
    server.on('secureConnection', () => raws.at(-1)!.write('no TLS at all'))
    server.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    for (let i = 0; i < 20; i++) expect(await whyNot(ask())).not.toBe('it answered')
    for (const raw of raws) raw.destroy()
  })

  it('does not connect when it is already cancelled', async () => {
    const stopped = AbortSignal.abort(new Error('aborted'))
    expect(await whyNot(ask({ signal: stopped }))).not.toBe('it answered')
    expect(asked).toBe('')
  })
})
