import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type ServerResponse } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import { makeDeb } from '../../../test-kit/packages.ts'
import {
  file,
  openFetchStage,
  status,
  type Answer,
  type FetchStage,
} from '../../../test-kit/fetch-stage.ts'

const SCRIPT = Buffer.from('#!/bin/sh\nexit 0\n')
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

let stage: FetchStage
beforeEach(async () => void (stage = await openFetchStage()))
afterEach(() => stage.close())

describe('a package given as a URL', () => {
  it('is fetched once, hashed and stored, and inspected like any other', async () => {
    stage.routes.set('/x/probe.deb', file(await makeDeb()))
    const row = stage.add({ download_url: `${stage.base}/x/probe.deb?token=secret-token` })
    expect(row).toMatchObject({
      fetch_state: 'fetching',
      kind: 'deb',
      platform: 'linux',
      arch: 'any',
    })
    const done = await stage.settle(row)
    expect(done).toMatchObject({
      fetch_state: 'ready',
      fetch_reason: null,
      fetch_message: null,
      file_name: 'probe.deb',
      arch: 'x64',
      detection: { type: 'dpkg', name: 'deployx-probe' },
    })
    expect(stage.library.content.sizeBytes(done.sha256!)).toBe(done.size_bytes)
    expect(stage.asked).toEqual(['/x/probe.deb'])
    stage.library.software.startFetches()
    expect(stage.asked).toHaveLength(1)
    expect(stage.library.logged()).not.toContain('secret-token')
  })

  it('ignores a rule from its file that the chosen platform cannot evaluate', async () => {
    stage.routes.set('/probe.deb', file(await makeDeb()))
    const done = await stage.fetchFrom('/probe.deb', { platform: 'macos' })
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
  ])('at %s (%s, %j) gets the name %s', async (path, kind, headers, name) => {
    stage.routes.set(path, file(SCRIPT, headers))
    const done = await stage.fetchFrom(path, { kind: kind as 'sh' })
    expect(done).toMatchObject({ fetch_state: 'ready', file_name: name })
  })

  it('is accepted when its hash matches, and refused otherwise', async () => {
    stage.routes.set('/a.sh', file(SCRIPT))
    const sha256 = hashOf(SCRIPT)
    expect(await stage.fetchFrom('/a.sh', { sha256 })).toMatchObject({
      fetch_state: 'ready',
      sha256,
    })
    const wrong = await stage.fetchFrom('/a.sh', { sha256: '0'.repeat(64) })
    expect(wrong).toMatchObject({ fetch_state: 'failed', fetch_reason: 'integrity', sha256: null })
    expect(wrong.fetch_message).toContain(sha256)
    expect(wrong).toMatchObject({
      fetch_code: 'fetch_hash_differs',
      fetch_params: JSON.stringify({ found: sha256 }),
    })
    expect(stage.asked).toHaveLength(2)
  })

  it('is not stored when it turns out to be something else', async () => {
    stage.routes.set('/a.deb', file(Buffer.from('<html>Please sign in</html>'.repeat(100))))
    const done = await stage.fetchFrom('/a.deb')
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'integrity' })
    expect(done.fetch_message).toContain('is not a Debian package')
    expect(stage.library.files()).toEqual([])
    expect(stage.library.count('contents')).toBe(0)
  })

  it('is found behind redirects, including relative ones', async () => {
    stage.routes.set('/1', status(302, { location: '/2' }))
    stage.routes.set('/2', status(307, { location: '3' }))
    stage.routes.set('/3', status(301, { location: `${stage.base}/end.sh` }))
    stage.routes.set('/end.sh', file(SCRIPT))
    expect(await stage.fetchFrom('/1', { kind: 'sh' })).toMatchObject({
      fetch_state: 'ready',
      file_name: 'end.sh',
    })
  })
})

describe('a URL that cannot be used', () => {
  it.each([400, 401, 403, 404, 410])('fails immediately when it answers %i', async (code) => {
    stage.routes.set('/a.sh', status(code))
    const done = await stage.fetchFrom('/a.sh')
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
    expect(done.fetch_message).toContain(`answered ${code}`)
    expect(stage.asked).toHaveLength(1)
  })

  it('fails immediately when its name cannot be resolved', async () => {
    const done = await stage.settle(stage.add({ download_url: 'http://nothing.invalid/a.sh' }))
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
    expect(done.fetch_message).toContain('nothing.invalid cannot be resolved')
  })

  it.each<[string, Record<string, string>]>([
    ['a loop', { location: '/loop' }],
    ['no address', {}],
    ['another protocol', { location: 'file:///etc/passwd' }],
    ['a URL with a password', { location: 'http://user:word@127.0.0.1/x' }],
  ])('fails when it redirects to %s', async (_what, headers) => {
    stage.routes.set('/loop', status(302, headers))
    const done = await stage.fetchFrom('/loop', { kind: 'sh' })
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
    expect(stage.asked.length).toBeLessThanOrEqual(6)
  })

  it('is refused when it leads to this computer, by address, by name, or by a redirect', async () => {
    await stage.replace({ fetch: { allowPrivateFetch: false } })
    stage.routes.set('/a.sh', file(SCRIPT))
    const port = new URL(stage.base).port
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '2130706433']) {
      const done = await stage.settle(stage.add({ download_url: `http://${host}:${port}/a.sh` }))
      expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
      expect(done.fetch_message).toContain('leads to this computer')
      expect(done.fetch_code).toBe('fetch_address_refused')
    }
    expect(stage.asked).toEqual([])
  })
})

describe('an address of this computer on its networks', () => {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address))

  it.skipIf(own.length === 0)('is refused like loopback', async () => {
    await stage.replace({ fetch: { allowPrivateFetch: false } })
    let connections = 0
    const everywhere = createServer(() => connections++)
    everywhere.listen(0, '::')
    await once(everywhere, 'listening')
    const { port } = everywhere.address() as AddressInfo
    try {
      for (const host of own) {
        const done = await stage.settle(stage.add({ download_url: `http://${host}:${port}/a.sh` }))
        expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'invalid_url' })
        expect(done.fetch_message).toContain('leads to this computer')
      }
      expect(connections).toBe(0)
    } finally {
      everywhere.close()
    }
  })
})

describe('a URL that fails temporarily', () => {
  it.each([500, 502, 503, 429])('is tried three times when it answers %i', async (code) => {
    stage.routes.set('/a.sh', status(code))
    const done = await stage.fetchFrom('/a.sh')
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'download_failed' })
    expect(done.fetch_message).toContain(`answered ${code}`)
    expect(stage.asked).toHaveLength(3)
  })

  it('succeeds when the third try does', async () => {
    let n = 0
    stage.routes.set('/a.sh', (request, response) => {
      n++
      if (n === 1) return status(503)(request, response)
      if (n === 2) {
        response.writeHead(200, { 'content-length': SCRIPT.length })
        response.write(SCRIPT.subarray(0, 5), () => response.destroy())
        return
      }
      file(SCRIPT)(request, response)
    })
    expect(await stage.fetchFrom('/a.sh')).toMatchObject({
      fetch_state: 'ready',
      sha256: hashOf(SCRIPT),
    })
    expect(n).toBe(3)
    expect(stage.library.files()).toHaveLength(1)
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
      'breaks off without having announced its length',
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
    stage.routes.set('/a.sh', answer)
    const done = await stage.fetchFrom('/a.sh')
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'download_failed' })
    expect(stage.asked).toHaveLength(3)
    expect(stage.library.files()).toEqual([])
  })

  it('is given up after three tries when nothing listens there', async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    probe.close()
    await once(probe, 'close')
    const done = await stage.settle(stage.add({ download_url: `http://127.0.0.1:${port}/a.sh` }))
    expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'download_failed' })
    expect(done.fetch_message).toContain('ECONNREFUSED')
    expect(done.fetch_code).toBe('fetch_unreachable')
  })

  it('is not retried when its file is too large, announced or not', async () => {
    await stage.replace({ fetch: { limitBytes: 1000 } })
    stage.routes.set('/a.sh', file(randomBytes(1001)))
    stage.routes.set('/b.sh', (_request, response) => response.end(randomBytes(1001)))
    stage.routes.set('/b.sh', (_request, response) => {
      response.write(randomBytes(600))
      response.end(randomBytes(600))
    })
    for (const path of ['/a.sh', '/b.sh']) {
      const done = await stage.fetchFrom(path)
      expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'download_failed' })
      expect(done.fetch_message).toContain('larger than')
      expect(done.fetch_code).toBe('fetch_too_large')
    }
    expect(stage.asked).toHaveLength(2)
  })
})

describe('fetches', () => {
  it('run a few at a time, and all of them finish', async () => {
    await stage.replace({ fetch: { parallel: 2 } })
    let running = 0
    let most = 0
    stage.routes.set('/a.sh', (request, response) => {
      most = Math.max(most, ++running)
      setTimeout(() => {
        running--
        file(SCRIPT)(request, response)
      }, 30)
    })
    const rows = Array.from({ length: 7 }, () => stage.add({ download_url: `${stage.base}/a.sh` }))
    const done = new Promise<void>((resolve) => {
      let left = rows.length
      stage.library.software.onInstallerSettled(() => --left === 0 && resolve())
    })
    stage.library.software.startFetches()
    stage.library.software.startFetches()
    await done
    expect(most).toBe(2)
    expect(stage.asked).toHaveLength(7)
    expect(stage.library.files()).toHaveLength(1)
  })

  it('running at a stop continue at the next start, and leave nothing behind meanwhile', async () => {
    const waiting: ServerResponse[] = []
    stage.routes.set('/a.sh', (_request, response) => {
      response.writeHead(200, { 'content-length': SCRIPT.length })
      response.write(SCRIPT.subarray(0, 3))
      waiting.push(response)
    })
    const row = stage.add({ download_url: `${stage.base}/a.sh` })
    stage.library.software.startFetches()
    await until('it is asked for', () => waiting.length > 0)
    await stage.library.software.stop()
    expect(stage.library.files()).toEqual([])
    expect(stage.library.software.installersOf(row.software_id)[0]).toMatchObject({
      fetch_state: 'fetching',
    })
    stage.routes.set('/a.sh', file(SCRIPT))
    await stage.restart()
    expect(await stage.settle(row)).toMatchObject({ fetch_state: 'ready' })
  })
})
