import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CustomSoftware } from '#shared/contract/requests.ts'
import type { z } from 'zod'
import type { Viewer } from '../../context.ts'
import { openInspector } from '../../test-kit/inspector.ts'
import { openLibrary, type TestLibrary } from '../../test-kit/library.ts'
import { makeDeb } from '../../test-kit/packages.ts'
import type { InstallerRow } from '../index.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void
const SCRIPT = Buffer.from('#!/bin/sh\nexit 0\n')
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

let library: TestLibrary
let viewer: Viewer
let routes: Map<string, Answer>
/** Paths asked for, in order. */
let asked: string[]
let base: string
let closeServer: () => void

const file =
  (bytes: Buffer, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length, ...headers })
    response.end(bytes)
  }
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(code, headers)
    response.end('no')
  }

beforeEach(async () => {
  routes = new Map()
  asked = []
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!
    asked.push(path)
    const answer = routes.get(path) ?? status(404)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  closeServer = () => {
    server.closeAllConnections()
    server.close()
  }
  open()
})
afterEach(async () => {
  closeServer()
  await library.close()
})

function open(
  fetch: NonNullable<Parameters<typeof openLibrary>[0]>['fetch'] = {},
  dataDir?: string,
) {
  library = openLibrary({ fetch: { idleTimeoutMs: 300, headTimeoutMs: 300, ...fetch }, dataDir })
  if (!dataDir) viewer = library.addUser('ann', 'technician')
}
async function reopen(fetch: Parameters<typeof open>[0]) {
  await library.close()
  open(fetch)
}
/** Makes the entry as a deployment does. */
function add(item: Omit<z.input<typeof CustomSoftware>, 'name'>): InstallerRow {
  const parsed = CustomSoftware.parse({ name: 'Fetched', ...item })
  const [made] = library.store.transaction(() => library.software.createCustom([parsed], viewer))
  return made!.installers[0]!
}
/** Starts the fetch and waits for its end. */
async function settle(row: InstallerRow): Promise<InstallerRow> {
  const settled = new Promise<void>((resolve) => {
    library.software.onInstallerSettled((id) => {
      if (id === row.id) resolve()
    })
  })
  library.software.startFetches()
  await settled
  return library.software.installersOf(row.software_id)[0]!
}
const fetchFrom = (path: string, more: Partial<z.input<typeof CustomSoftware>> = {}) =>
  settle(add({ download_url: base + path, ...more }))

describe('a package given as an address', () => {
  it('is fetched once, hashed and kept, and reads like any other', async () => {
    routes.set('/x/probe.deb', file(await makeDeb()))
    const row = add({ download_url: `${base}/x/probe.deb?token=secret-token` })
    expect(row).toMatchObject({
      fetch_state: 'fetching',
      kind: 'deb',
      platform: 'linux',
      arch: 'any',
    })
    const done = await settle(row)
    expect(done).toMatchObject({
      fetch_state: 'ready',
      fetch_reason: null,
      fetch_message: null,
      file_name: 'probe.deb',
      arch: 'x64',
      detection: { type: 'dpkg', name: 'deployx-probe' },
    })
    expect(library.content.sizeBytes(done.sha256!)).toBe(done.size_bytes)
    expect(asked).toEqual(['/x/probe.deb'])
    library.software.startFetches()
    expect(asked).toHaveLength(1)
    expect(library.logged()).not.toContain('secret-token')
  })

  it('takes no rule from its file that the named platform could not answer', async () => {
    routes.set('/probe.deb', file(await makeDeb()))
    const done = await fetchFrom('/probe.deb', { platform: 'macos' })
    expect(done).toMatchObject({ fetch_state: 'ready', platform: 'macos', detection: null })
  })

  it.each<[string, string, Record<string, string>, string]>([
    ['/dl', 'sh', { 'content-disposition': 'attachment; filename="Real name.sh"' }, 'Real name.sh'],
    [
      '/dl',
      'sh',
      { 'content-disposition': 'attachment; filename="../../evil.exe"' },
      'evil.exe.sh',
    ],
    ['/dl', 'sh', {}, 'dl.sh'],
    ['/tool.sh', 'sh', {}, 'tool.sh'],
    ['/', 'sh', {}, 'installer.sh'],
  ])('at %s (%s, %j) goes by the name %s', async (path, kind, headers, name) => {
    routes.set(path, file(SCRIPT, headers))
    const done = await fetchFrom(path, { kind: kind as 'sh' })
    expect(done).toMatchObject({ fetch_state: 'ready', file_name: name })
  })

  it('is taken when its hash is the expected one, and refused when not', async () => {
    routes.set('/a.sh', file(SCRIPT))
    const sha256 = hashOf(SCRIPT)
    expect(await fetchFrom('/a.sh', { sha256 })).toMatchObject({ fetch_state: 'ready', sha256 })
    const wrong = await fetchFrom('/a.sh', { sha256: '0'.repeat(64) })
    expect(wrong).toMatchObject({ fetch_state: 'failed', fetch_reason: 'integrity', sha256: null })
    expect(wrong.fetch_message).toContain(sha256)
    expect(asked).toHaveLength(2)
  })

  it('that turns out to be something else is not kept', async () => {
    routes.set('/a.deb', file(Buffer.from('<html>Please sign in</html>'.repeat(100))))
    const done = await fetchFrom('/a.deb')
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'integrity' })
    expect(done.fetch_message).toContain('is not a Debian package')
    expect(library.files()).toEqual([])
    expect(library.count('contents')).toBe(0)
  })

  it('is found behind redirects, relative ones too', async () => {
    routes.set('/1', status(302, { location: '/2' }))
    routes.set('/2', status(307, { location: '3' }))
    routes.set('/3', status(301, { location: `${base}/end.sh` }))
    routes.set('/end.sh', file(SCRIPT))
    expect(await fetchFrom('/1', { kind: 'sh' })).toMatchObject({
      fetch_state: 'ready',
      file_name: 'end.sh',
    })
  })
})

describe('an address that cannot be used', () => {
  it.each([400, 401, 403, 404, 410])('fails at once when it answers %i', async (code) => {
    routes.set('/a.sh', status(code))
    const done = await fetchFrom('/a.sh')
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
    expect(done.fetch_message).toContain(`answered ${code}`)
    expect(asked).toHaveLength(1)
  })

  it('fails at once when its name cannot be resolved', async () => {
    const done = await settle(add({ download_url: 'http://nothing.invalid/a.sh' }))
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
    expect(done.fetch_message).toContain('nothing.invalid cannot be resolved')
  })

  it.each<[string, Record<string, string>]>([
    ['a loop', { location: '/loop' }],
    ['no address', {}],
    ['another protocol', { location: 'file:///etc/passwd' }],
    ['an address with a password', { location: 'http://user:word@127.0.0.1/x' }],
  ])('fails when it redirects to %s', async (_what, headers) => {
    routes.set('/loop', status(302, headers))
    const done = await fetchFrom('/loop', { kind: 'sh' })
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
    expect(asked.length).toBeLessThanOrEqual(6)
  })

  it('is refused when it leads to this computer, by number, by name, or by a redirect', async () => {
    await reopen({ allowPrivateFetch: false })
    routes.set('/a.sh', file(SCRIPT))
    const port = new URL(base).port
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '2130706433']) {
      const done = await settle(add({ download_url: `http://${host}:${port}/a.sh` }))
      expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
      expect(done.fetch_message).toContain('this computer itself')
    }
    expect(asked).toEqual([])
  })
})

describe('an address of this computer on its networks', () => {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address))

  it.skipIf(own.length === 0)('is refused like loopback', async () => {
    await reopen({ allowPrivateFetch: false })
    let connections = 0
    const everywhere = createTcpServer(() => connections++)
    everywhere.listen(0, '::')
    await once(everywhere, 'listening')
    const { port } = everywhere.address() as AddressInfo
    try {
      for (const host of own) {
        const done = await settle(add({ download_url: `http://${host}:${port}/a.sh` }))
        expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
        expect(done.fetch_message).toContain('this computer itself')
      }
      expect(connections).toBe(0)
    } finally {
      everywhere.close()
    }
  })
})

describe('an address that fails for now', () => {
  it.each([500, 502, 503, 429])('is tried three times when it answers %i', async (code) => {
    routes.set('/a.sh', status(code))
    const done = await fetchFrom('/a.sh')
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'download_failed' })
    expect(done.fetch_message).toContain(`answered ${code}`)
    expect(asked).toHaveLength(3)
  })

  it('is fine when the third try is', async () => {
    let n = 0
    routes.set('/a.sh', (request, response) => {
      n++
      if (n === 1) return status(503)(request, response)
      if (n === 2) {
        response.writeHead(200, { 'content-length': SCRIPT.length })
        response.write(SCRIPT.subarray(0, 5), () => response.destroy())
        return
      }
      file(SCRIPT)(request, response)
    })
    expect(await fetchFrom('/a.sh')).toMatchObject({ fetch_state: 'ready', sha256: hashOf(SCRIPT) })
    expect(n).toBe(3)
    expect(library.files()).toHaveLength(1)
  })

  it.each<[string, Answer]>([
    [
      'breaks off',
      (_q, r) => {
        r.writeHead(200, { 'content-length': 1000 })
        r.write('x', () => r.destroy())
      },
    ],
    [
      'breaks off without having told its length',
      (_q, r) => {
        r.writeHead(200)
        r.write('x', () => r.destroy())
      },
    ],
    [
      'falls silent',
      (_q, r) => {
        r.writeHead(200, { 'content-length': 1000 })
        r.write('x')
      },
    ],
    ['never answers', () => undefined],
    [
      'hangs up',
      (q) => {
        q.socket.destroy()
      },
    ],
  ])('is given up after three tries when it %s, and nothing remains', async (_what, answer) => {
    routes.set('/a.sh', answer)
    const done = await fetchFrom('/a.sh')
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'download_failed' })
    expect(asked).toHaveLength(3)
    expect(library.files()).toEqual([])
  })

  it('is given up after three tries when nobody listens there', async () => {
    const probe = createTcpServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    probe.close()
    await once(probe, 'close')
    const done = await settle(add({ download_url: `http://127.0.0.1:${port}/a.sh` }))
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'download_failed' })
    expect(done.fetch_message).toContain('ECONNREFUSED')
  })

  it('is not tried again when its file is too large, told beforehand or not', async () => {
    await reopen({ limitBytes: 1000 })
    routes.set('/a.sh', file(randomBytes(1001)))
    routes.set('/b.sh', (_request, response) => response.end(randomBytes(1001)))
    routes.set('/b.sh', (_request, response) => {
      response.write(randomBytes(600))
      response.end(randomBytes(600))
    })
    for (const path of ['/a.sh', '/b.sh']) {
      const done = await fetchFrom(path)
      expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'download_failed' })
      expect(done.fetch_message).toContain('larger than')
    }
    expect(asked).toHaveLength(2)
  })
})

describe('fetches', () => {
  it('run a few at a time, and all of them', async () => {
    await reopen({ parallel: 2 })
    let running = 0
    let most = 0
    routes.set('/a.sh', (request, response) => {
      most = Math.max(most, ++running)
      setTimeout(() => {
        running--
        file(SCRIPT)(request, response)
      }, 30)
    })
    const rows = Array.from({ length: 7 }, () => add({ download_url: `${base}/a.sh` }))
    const done = new Promise<void>((resolve) => {
      let left = rows.length
      library.software.onInstallerSettled(() => --left === 0 && resolve())
    })
    library.software.startFetches()
    library.software.startFetches()
    await done
    expect(most).toBe(2)
    expect(asked).toHaveLength(7)
    expect(library.files()).toHaveLength(1)
  })

  it('under way at a stop are taken up at the next start, and leave nothing behind meanwhile', async () => {
    const waiting: ServerResponse[] = []
    routes.set('/a.sh', (_request, response) => {
      response.writeHead(200, { 'content-length': SCRIPT.length })
      response.write(SCRIPT.subarray(0, 3))
      waiting.push(response)
    })
    const row = add({ download_url: `${base}/a.sh` })
    library.software.startFetches()
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await library.software.stop()
    expect(library.files()).toEqual([])
    expect(library.software.installersOf(row.software_id)[0]).toMatchObject({
      fetch_state: 'fetching',
    })
    const { dataDir } = library
    library.store.close()
    routes.set('/a.sh', file(SCRIPT))
    open({}, dataDir)
    expect(await settle(row)).toMatchObject({ fetch_state: 'ready' })
  })
})

describe.runIf(process.features.typescript)('a fetched file that harms its reader', () => {
  const readers = join(import.meta.dirname, '..', '..', 'test-kit', 'misbehaving-readers.ts')
  const inspector = openInspector({
    workerFile: readers,
    limits: { timeMs: 500, heapMiB: 48, youngHeapMiB: 8 },
  })
  afterAll(() => inspector.close())
  const openWith = async (dataDir?: string) => {
    await (dataDir ? library.shut() : library.close())
    library = openLibrary({ dataDir, inspection: inspector.inspection })
    if (!dataDir) viewer = library.addUser('ann', 'technician')
  }
  const rowOf = (row: InstallerRow) => library.software.installersOf(row.software_id)[0]!

  it.each(['loop', 'heap', 'throw'])(
    '(%s) fails, leaves nothing, and is not fetched again at the next start',
    async (deed) => {
      await openWith()
      routes.set('/a.sh', file(Buffer.from(`${deed}\n`)))
      const done = await fetchFrom('/a.sh')
      expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'integrity', sha256: null })
      expect(library.files()).toEqual([])
      expect(library.count('contents')).toBe(0)
      await openWith(library.dataDir)
      library.software.startFetches()
      expect(asked).toEqual(['/a.sh'])
      // A person may ask for it again.
      routes.set('/a.sh', file(Buffer.from('sound\n')))
      library.software.retryFetches([done.id])
      expect(await settle(done)).toMatchObject({ fetch_state: 'ready', inspections: 0 })
    },
  )

  it('is not fetched again when it ended the controller itself', async () => {
    await openWith()
    const row = add({ download_url: `${base}/a.sh` })
    // As a process leaves the row that dies while it inspects.
    library.store.sqlite.prepare('update installers set inspections = 1').run()
    expect(await settle(row)).toMatchObject({
      fetch_state: 'failed',
      fetch_reason: 'integrity',
      fetch_message: expect.stringContaining('ended while it inspected this package') as string,
    })
    expect(asked).toEqual([])
  })

  it('has its inspection counted before it begins, and not held against it when the controller stops', async () => {
    const own = openInspector({ workerFile: readers })
    await library.close()
    library = openLibrary({ inspection: own.inspection })
    viewer = library.addUser('ann', 'technician')
    routes.set('/a.sh', file(Buffer.from('never\n')))
    const row = add({ download_url: `${base}/a.sh` })
    library.software.startFetches()
    await expect.poll(() => rowOf(row).inspections, { timeout: 15_000 }).toBe(1)
    await own.close()
    await expect.poll(() => rowOf(row).inspections, { timeout: 15_000 }).toBe(0)
    expect(rowOf(row).fetch_state).toBe('fetching')
  })
})
