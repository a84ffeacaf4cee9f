/** Downloads from a real server that cuts connections, sends wrong data, stalls and is busy. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { createPinnedConnect, pinnedTo } from '../link/pinned-agent.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { serveBytes } from '../test-kit/serve-bytes.ts'
import { makeTlsKey, type TlsKey } from '../test-kit/tls-key.ts'
import { downloadPackage, DownloadError, type Download, type Source } from './download.ts'

const content = randomBytes(5 * 1024 * 1024 + 123)
const sha256 = createHash('sha256').update(content).digest('hex')

/** Every test runs against both. */
const WAYS = ['a server', 'the hub'] as const
let key: TlsKey
beforeAll(async () => {
  key = await makeTlsKey()
})

let way: (typeof WAYS)[number] = 'a server'
let server: Server
let folder: ReturnType<typeof makeFolder>
let file: string
let requests: { range: string | undefined }[]
let answer: (request: IncomingMessage, response: ServerResponse, n: number) => void

beforeEach(async () => {
  folder = makeFolder()
  file = join(folder.path, 'package')
  requests = []
  answer = serveBytes(content)
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push({ range: request.headers.range })
    answer(request, response, requests.length)
  }
  server = way === 'the hub' ? createTlsServer(key, onRequest) : createServer(onRequest)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
  folder.remove()
})

function source(): Source {
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}/package`
  return way === 'the hub'
    ? {
        url: `https://${address}`,
        connect: createPinnedConnect(pinnedTo(key.fingerprint), systemClock),
      }
    : { url: `http://${address}`, allowPrivate: true }
}
const download = (part: Partial<Download> = {}): Promise<void> =>
  downloadPackage({
    file,
    sizeBytes: content.length,
    sha256,
    source: () => Promise.resolve(source()),
    onProgress: () => undefined,
    onVerifying: () => undefined,
    idleTimeoutMs: 5_000,
    signal: new AbortController().signal,
    clock: systemClock,
    random: systemRandom,
    ...part,
  })
async function failureOf(work: Promise<void>): Promise<DownloadError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof DownloadError)) throw new Error(`not a DownloadError: ${String(error)}`)
  return error
}
/** Announces everything, sends up to `end`, then breaks the connection. */
const cutAt = (end: number) => (_: IncomingMessage, response: ServerResponse, from: number) => {
  response.writeHead(from > 0 ? 206 : 200, {
    'content-length': content.length - from,
    ...(from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
  })
  response.write(content.subarray(from, end), () => setTimeout(() => response.destroy(), 100))
}

describe.each(WAYS)('a download from %s', (from) => {
  beforeAll(() => {
    way = from
  })

  it('stores the whole file, readable by this user only, and reports progress', async () => {
    const seen: number[] = []
    await download({ onProgress: (bytes) => seen.push(bytes) })
    expect(readFileSync(file).equals(content)).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(seen.at(-1)).toBe(content.length)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('resumes after the connection was cut', async () => {
    const cut = cutAt(3_000_000)
    answer = (request, response, n) =>
      n === 1 ? cut(request, response, 0) : serveBytes(content)(request, response)
    await download()
    expect(readFileSync(file).equals(content)).toBe(true)
    expect(requests).toEqual([{ range: undefined }, { range: 'bytes=3000000-' }])
  })

  it('resumes a download of an earlier run of the agent', async () => {
    writeFileSync(file, content.subarray(0, 1_000_000))
    await download()
    expect(requests).toEqual([{ range: 'bytes=1000000-' }])
    expect(readFileSync(file).equals(content)).toBe(true)
  })

  it('makes no request if the file is already complete', async () => {
    writeFileSync(file, content)
    await download()
    expect(requests).toEqual([])
  })

  it('needs no size: the file ends where the server ends it, and its hash decides', async () => {
    writeFileSync(file, content.subarray(0, 1_000_000))
    await download({ sizeBytes: null })
    expect(readFileSync(file).equals(content)).toBe(true)
    await download({ sizeBytes: null })
    expect(requests).toEqual([{ range: 'bytes=1000000-' }])
    answer = (_request, response) => response.end('other')
    writeFileSync(file, '')
    expect((await failureOf(download({ sizeBytes: null }))).reason).toBe('integrity')
  })

  it('starts again if the file of an earlier run does not match', async () => {
    writeFileSync(file, Buffer.alloc(1_000_000, 1))
    await download()
    expect(requests).toEqual([{ range: 'bytes=1000000-' }, { range: undefined }])
    expect(readFileSync(file).equals(content)).toBe(true)
  })

  it('handles a server that does not support ranges, and one that sends the wrong range', async () => {
    writeFileSync(file, content.subarray(0, 1_000))
    answer = (_request, response) => response.end(content)
    await download()
    expect(readFileSync(file).equals(content)).toBe(true)

    writeFileSync(file, content.subarray(0, 1_000))
    answer = (request, response, n) => {
      if (n > 2) return serveBytes(content)(request, response)
      response.writeHead(206, { 'content-range': `bytes 0-9/${content.length}` })
      response.end(content.subarray(0, 10))
    }
    await download()
    expect(readFileSync(file).equals(content)).toBe(true)
  })

  it('retries while the server is busy, without counting that as a try', async () => {
    answer = (request, response, n) => {
      if (n > 3) return serveBytes(content)(request, response)
      response.writeHead(503, { 'retry-after': '0.2' }).end()
    }
    await download()
    expect(requests).toHaveLength(4)
  })

  it('gives up after three tries without progress and reports the last cause', async () => {
    answer = (_request, response) => response.writeHead(502).end()
    const failure = await failureOf(download())
    expect(requests).toHaveLength(3)
    expect(failure.reason).toBe('download_failed')
    expect(failure.message).toBe(
      'The package could not be fetched in 3 tries: the server answered 502 Bad Gateway.',
    )
  })

  it('gives up on a connection without data', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, 10))
    }
    const failure = await failureOf(download({ idleTimeoutMs: 200 }))
    expect(failure.message).toContain('no data arrived for')
  })

  it('does not retry after a 4xx, and reports a wrong address for other servers', async () => {
    answer = (_request, response) => response.writeHead(404).end()
    expect(await failureOf(download())).toMatchObject({
      reason: from === 'the hub' ? 'download_failed' : 'invalid_url',
    })
    expect(requests).toHaveLength(1)
  })

  it('refuses a package with another hash immediately and keeps none of it', async () => {
    const failure = await failureOf(download({ sha256: 'f'.repeat(64) }))
    expect(failure.reason).toBe('integrity')
    expect(requests).toHaveLength(1)
    expect(statSync(file).size).toBe(0)
  })

  it('refuses a package that is longer or shorter than announced', async () => {
    expect(await failureOf(download({ sizeBytes: content.length - 1 }))).toMatchObject({
      reason: 'integrity',
    })
  })

  it('stops immediately when it is cancelled and keeps the received bytes', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, 2_000_000))
    }
    const stop = new AbortController()
    const reason = new Error('aborted')
    const work = download({
      signal: stop.signal,
      onProgress: () => setTimeout(() => stop.abort(reason), 100),
    })
    await expect(work).rejects.toBe(reason)
    expect(statSync(file).size).toBeGreaterThan(1024 * 1024)
  })

  it('reports that the disk is full', async (context) => {
    const disk = join(folder.path, 'disk')
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'ignore' })
    } catch {
      process.stderr.write('SKIPPED: a small disk cannot be mounted here (needs root)\n')
      return context.skip()
    }
    try {
      const failure = await failureOf(download({ file: join(disk, 'package') }))
      expect(failure.reason).toBe('disk_space')
    } finally {
      execFileSync('umount', [disk])
    }
    rmSync(disk, { recursive: true })
    expect(existsSync(disk)).toBe(false)
  })
})

describe('a download from a server that sends no length', () => {
  beforeAll(() => {
    way = 'a server'
  })

  it('is limited to its size by counting the received bytes', async () => {
    answer = (_request, response) => {
      response.write(content)
      response.end('more')
    }
    expect(await failureOf(download())).toMatchObject({
      reason: 'integrity',
      message: 'The package is longer than expected.',
    })
    expect(statSync(file).size).toBeLessThanOrEqual(content.length)
  })
})

describe('a server other than the hub', () => {
  beforeAll(() => {
    way = WAYS.find((one) => one !== 'the hub')!
  })
  const fetchFrom = (url: string, allowPrivate: boolean) =>
    failureOf(download({ source: () => Promise.resolve({ url, allowPrivate }) }))
  const port = () => (server.address() as AddressInfo).port

  it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '169.254.169.254'])(
    'is not asked at %s, which belongs to no server',
    async (host) => {
      const error = await fetchFrom(`http://${host}:${port()}/package`, false)
      expect(error).toMatchObject({ reason: 'invalid_url', text: { code: 'address_refused' } })
      expect(requests).toEqual([])
    },
  )
  it('may redirect, but not forever, and not to something that is no web address', async () => {
    answer = (request, response, n) => {
      if (request.url === '/else') return serveBytes(content)(request, response)
      const location = n === 1 ? '/else' : 'http://user:pass@127.0.0.1/'
      response.writeHead(302, { location }).end()
    }
    await download()
    expect(readFileSync(file).equals(content)).toBe(true)
    writeFileSync(file, '')
    const refused = await fetchFrom(`http://127.0.0.1:${port()}/package`, true)
    expect(refused).toMatchObject({ reason: 'invalid_url', text: { code: 'redirect_refused' } })
    answer = (_request, response) => void response.writeHead(302, { location: '/again' }).end()
    const endless = await fetchFrom(`http://127.0.0.1:${port()}/package`, true)
    expect(endless.text.code).toBe('too_many_redirects')
  })
})
