import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rmSync, truncateSync } from 'node:fs'
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ERRORS, type AppError } from '#shared/contract/errors.ts'
import type { AttemptId, DeviceId, Sha256 } from '#shared/domain/ids.ts'
import { until } from '#shared/test-kit/until.ts'
import { openLibrary, type TestLibrary } from '../../test-kit/library.ts'

const MIB = 1024 * 1024
const DEVICE = 7 as DeviceId
const ATTEMPT = 'a'.repeat(32) as AttemptId

let library: TestLibrary
let server: Server
let port: number
let live: DeviceId | null
let bytes: Buffer
let sha256: Sha256
let path: string
/** Served requests, so that a test can wait until the server has finished one. */
let served: Promise<void>[]

async function open(content: Parameters<typeof openLibrary>[0] = {}): Promise<void> {
  library = openLibrary({ ...content, deviceOfLiveAttempt: (id) => (id === ATTEMPT ? live : null) })
  served = []
  server = createServer((request, response) => {
    served.push(
      library.content.serveTicket(request, response, request.url!).catch((error: unknown) => {
        const known = error as AppError
        response.writeHead(ERRORS[known.code].status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(known.toReply()))
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  live = DEVICE
}
async function add(content: Buffer): Promise<Sha256> {
  const staged = await library.content.ingest(Readable.from([content]), { limitBytes: 2 ** 40 })
  await staged.commit(() => {
    library.store.sqlite.exec(
      `insert into software (name, version, publisher, origin, created_at) values ('x', '', '', 'library', '2020');
       insert into installers (software_id, platform, arch, kind, file_name, install_args, timeout_seconds, success_exit_codes, sha256, fetch_state)
       values (last_insert_rowid(), 'linux', 'any', 'sh', 'x', '', 1, '[]', '${staged.sha256}', 'none')`,
    )
  })
  return staged.sha256
}
const ticket = (hash: Sha256) =>
  library.content.ticketUrl({ attemptId: ATTEMPT, sha256: hash, deviceId: DEVICE })

type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer }
function get(
  url = path,
  headers: Record<string, string> = {},
  options: { method?: string; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path: url, headers, method: 'GET', ...options },
      (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: Buffer.concat(pieces),
          }),
        )
      },
    )
    request.on('error', reject)
    request.end()
  })
}
/** A client that reads the head and then stops reading. */
async function openStalled(): Promise<{ socket: Socket; head: string }> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nhost: hub\r\n\r\n`)
  const [first] = (await once(socket, 'data')) as [Buffer]
  socket.pause()
  return { socket, head: first.toString('latin1').split('\r\n\r\n')[0]! }
}
const idle = () =>
  until('nothing is read', () => {
    const { taken, waiting, inUse } = library.content.usage()
    return taken === 0 && waiting === 0 && inUse === 0
  })

beforeEach(async () => {
  await open()
  bytes = randomBytes(3 * MIB + 4321)
  sha256 = await add(bytes)
  path = ticket(sha256)
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await Promise.allSettled(served)
  await library.close()
})

describe('a download', () => {
  it('is the whole file, with its length, its hash as ETag, and no caching', async () => {
    const answer = await get()
    expect(answer.status).toBe(200)
    expect(answer.body.equals(bytes)).toBe(true)
    expect(answer.headers).toMatchObject({
      'content-length': String(bytes.length),
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      etag: `"${sha256}"`,
    })
    await idle()
  })

  it('answers HEAD with the same headers and no body', async () => {
    const answer = await get(path, {}, { method: 'HEAD' })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-length']).toBe(String(bytes.length))
    expect(answer.body).toHaveLength(0)
  })

  const n = 3 * MIB + 4321
  it.each<[string, number, number]>([
    ['bytes=0-0', 0, 0],
    ['bytes=0-', 0, n - 1],
    [`bytes=${n - 1}-`, n - 1, n - 1],
    ['bytes=-1', n - 1, n - 1],
    ['bytes=-5000', n - 5000, n - 1],
    [`bytes=${MIB - 1}-${MIB}`, MIB - 1, MIB],
    [`bytes=${MIB}-${2 * MIB - 1}`, MIB, 2 * MIB - 1],
    [`bytes=${MIB + 1}-${3 * MIB + 1}`, MIB + 1, 3 * MIB + 1],
    [`bytes=1000-${10 * MIB}`, 1000, n - 1],
  ])('of the range %s is bytes %i to %i', async (range, from, to) => {
    const answer = await get(path, { range })
    expect(answer.status).toBe(206)
    expect(answer.headers['content-range']).toBe(`bytes ${from}-${to}/${n}`)
    expect(answer.headers['content-length']).toBe(String(to - from + 1))
    expect(answer.body.equals(bytes.subarray(from, to + 1))).toBe(true)
    const head = await get(path, { range }, { method: 'HEAD' })
    expect(head.status).toBe(206)
    expect(head.headers['content-range']).toBe(`bytes ${from}-${to}/${n}`)
  })

  it.each([`bytes=${n}-`, `bytes=${n}-${n + 5}`, 'bytes=-0'])(
    'of the range %s is 416 and contains the size',
    async (range) => {
      const answer = await get(path, { range })
      expect(answer.status).toBe(416)
      expect(answer.headers['content-range']).toBe(`bytes */${n}`)
      expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code: 'E_RANGE' } })
    },
  )

  it.each(['bytes=5-1', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=x'])(
    'of the invalid range %s is the whole file',
    async (range) => {
      const answer = await get(path, { range })
      expect(answer.status).toBe(200)
      expect(answer.body.length).toBe(n)
    },
  )

  it('honours a range only while If-Range matches this content', async () => {
    const range = 'bytes=10-19'
    expect((await get(path, { range, 'if-range': `"${sha256}"` })).status).toBe(206)
    expect((await get(path, { range, 'if-range': '"another"' })).status).toBe(200)
    expect((await get(path, { range, 'if-range': `W/"${sha256}"` })).status).toBe(200)
  })

  it('of an empty file is an empty body', async () => {
    const empty = await add(Buffer.alloc(0))
    const answer = await get(ticket(empty))
    expect([answer.status, answer.headers['content-length']]).toEqual([200, '0'])
    expect((await get(ticket(empty), { range: 'bytes=0-' })).status).toBe(416)
  })

  it('is correct for many at once, of two files, in pieces, over reused connections', async () => {
    const other = randomBytes(5 * MIB + 7)
    const otherPath = ticket(await add(other))
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    const jobs = Array.from({ length: 60 }, async (_, i) => {
      const [source, url] = i % 2 === 0 ? [bytes, path] : [other, otherPath]
      const from = (i * 131_071) % source.length
      const to = Math.min(source.length - 1, from + ((i * 77_777) % (2 * MIB)))
      const answer = await get(url, { range: `bytes=${from}-${to}` }, { agent })
      expect(answer.body.equals(source.subarray(from, to + 1))).toBe(true)
    })
    await Promise.all(jobs)
    agent.destroy()
    await idle()
    expect(library.content.usage().allocated).toBeLessThanOrEqual(64)
  })
})

describe('a ticket', () => {
  it('is invalid once its attempt has ended, or for another device', async () => {
    live = null
    expect((await get()).status).toBe(403)
    live = 8 as DeviceId
    const answer = await get()
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code: 'E_FORBIDDEN' } })
  })

  it('is invalid if it was altered', async () => {
    const flipped = path.slice(0, -1) + (path.endsWith('A') ? 'E' : 'A')
    expect((await get(flipped)).status).toBe(403)
    expect((await get(path.split('?')[0])).status).toBe(404)
  })

  it('serves no other methods', async () => {
    expect((await get(path, {}, { method: 'DELETE' })).status).toBe(404)
  })

  it('for removed content is 404, and a missing file is logged', async () => {
    expect((await get(ticket('0'.repeat(64) as Sha256))).status).toBe(404)
    rmSync(join(library.dataDir, 'content', sha256.slice(0, 2), sha256))
    expect((await get()).status).toBe(404)
    expect(library.logged()).toContain('a stored file cannot be opened')
    await idle()
  })
})

describe('a bad connection', () => {
  beforeEach(async () => {
    bytes = randomBytes(40 * MIB)
    path = ticket(await add(bytes))
  })

  it('frees everything if the client disconnects in the middle', async () => {
    const { socket, head } = await openStalled()
    expect(head).toContain('200 OK')
    await until('it is read', () => library.content.usage().inUse > 0)
    expect(library.content.usage()).toMatchObject({ taken: 1 })
    socket.destroy()
    await idle()
    expect(library.logged()).not.toContain('"level":50')
  })

  it('never holds more than two blocks for a client that does not read', async () => {
    const { socket } = await openStalled()
    await until('two blocks are held', () => library.content.usage().inUse === 2)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(library.content.usage().inUse).toBe(2)
    socket.destroy()
    await idle()
  })

  const hash = () => path.split('/')[3]!.split('?')[0] as Sha256
  const cutStoredFile = () =>
    truncateSync(join(library.dataDir, 'content', hash().slice(0, 2), hash()), 2 * MIB)

  it('is refused if the stored file has been truncated', async () => {
    cutStoredFile()
    expect((await get()).status).toBe(404)
    expect(library.content.faultOf(hash())).toBe('damaged')
    expect((await get()).status).toBe(404)
    await idle()
  })

  it('is aborted if the stored file is truncated meanwhile, instead of silently sending less', async () => {
    const { socket } = await openStalled()
    await until('two blocks are held', () => library.content.usage().inUse === 2)
    cutStoredFile()
    socket.resume()
    await once(socket, 'close')
    expect(library.logged()).toContain('a download was aborted')
    expect(library.content.faultOf(hash())).toBe('damaged')
    await idle()
  })
})

describe('limits', () => {
  const reopen = async (content: Parameters<typeof openLibrary>[0]) => {
    server.close()
    await library.close()
    await open(content)
    bytes = randomBytes(40 * MIB)
    path = ticket(await add(bytes))
  }

  it('disconnect a reader that reads nothing for too long', async () => {
    await reopen({ content: { stallMs: 150 } })
    const { socket } = await openStalled()
    await idle()
    socket.resume()
    let received = 0
    socket.on('data', (piece: Buffer) => (received += piece.length))
    await once(socket, 'close')
    expect(received).toBeLessThan(bytes.length)
  })

  it('do not disconnect a slow reader that keeps reading', async () => {
    await reopen({ content: { stallMs: 300 } })
    bytes = randomBytes(12 * MIB)
    path = ticket(await add(bytes))
    const response = await new Promise<IncomingMessage>((resolve) =>
      httpRequest({ host: '127.0.0.1', port, path }, resolve).end(),
    )
    let received = 0
    for await (const piece of response as AsyncIterable<Buffer>) {
      received += piece.length
      if (received % (512 * 1024) < piece.length)
        await new Promise((resolve) => setTimeout(resolve, 40))
    }
    expect(received).toBe(bytes.length)
  })

  it('queue further downloads, then refuse them with 503 and Retry-After', async () => {
    await reopen({ content: { parallelDownloads: 1, queueWaitMs: 200, queuedDownloads: 1 } })
    const { socket } = await openStalled()
    const waiting = get()
    await until('one download waits', () => library.content.usage().waiting === 1)
    const refusedAtOnce = await get()
    expect(refusedAtOnce.status).toBe(503)
    expect(refusedAtOnce.headers['retry-after']).toBe('5')
    expect(JSON.parse(refusedAtOnce.body.toString())).toMatchObject({
      success: false,
      error: { code: 'E_RATE_LIMITED' },
    })
    expect((await waiting).status).toBe(503)
    // HEAD needs no slot; and with a free slot, the next one is served.
    expect((await get(path, {}, { method: 'HEAD' })).status).toBe(200)
    socket.destroy()
    expect((await get()).body.equals(bytes)).toBe(true)
  })

  it('give a freed slot to a waiting download', async () => {
    await reopen({ content: { parallelDownloads: 1, queueWaitMs: 10_000 } })
    const { socket } = await openStalled()
    const waiting = get(path, { range: 'bytes=0-99' })
    const leaving = connect(port, '127.0.0.1')
    leaving.write(`GET ${path} HTTP/1.1\r\nhost: hub\r\n\r\n`)
    await until('two downloads wait', () => library.content.usage().waiting === 2)
    leaving.destroy()
    await until('one download waits', () => library.content.usage().waiting === 1)
    socket.destroy()
    expect((await waiting).status).toBe(206)
    await idle()
  })
})

describe('a device that is blocked or removed', () => {
  it('loses its running and waiting downloads, and nothing of either remains', async () => {
    server.close()
    await library.close()
    await open({ content: { parallelDownloads: 1, queueWaitMs: 10_000 } })
    bytes = randomBytes(40 * MIB)
    path = ticket(await add(bytes))
    const { socket } = await openStalled()
    const waiting = get()
    waiting.catch(() => undefined)
    await until('one download waits', () => library.content.usage().waiting === 1)
    expect(library.content.usage()).toMatchObject({ downloads: 2, cut: 0 })

    library.content.cut(8 as DeviceId)
    expect(library.content.usage()).toMatchObject({ downloads: 2, cut: 0 })
    library.content.cut(DEVICE)
    library.content.cut(DEVICE)
    await expect(waiting).rejects.toThrow(/hang up|ECONNRESET/)
    await idle()
    expect(library.content.usage()).toMatchObject({ downloads: 0, cut: 2 })
    expect(library.logged().match(/its downloads were aborted/g)).toHaveLength(1)
    expect(library.logged()).not.toContain('"level":50')
    let received = 0
    socket.on('data', (piece: Buffer) => (received += piece.length))
    socket.resume()
    await once(socket, 'close')
    expect(received).toBeLessThan(bytes.length)
    // Once allowed again, it is served as before.
    expect((await get()).body.equals(bytes)).toBe(true)
  })
})
