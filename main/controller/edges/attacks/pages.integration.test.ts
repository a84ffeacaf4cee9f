/**
 * What a page in the technician's browser, or a neighbour on the LAN, may try with the console's
 * port under other names.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startController, type Controller, type ControllerOptions } from '../../compose/index.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'
import { TEST_WORKERS_DIR } from '../../test-kit/workers.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'

let t: TestController
let web: string
beforeAll(async () => {
  web = mkdtempSync(join(tmpdir(), 'deployx-web-'))
  mkdirSync(join(web, 'public'))
  writeFileSync(join(web, 'secret.txt'), 'outside')
  writeFileSync(join(web, 'public', 'index.html'), '<html>console</html>')
  t = await startTestController({ rendererDir: join(web, 'public') })
})
afterAll(async () => {
  await t.stop()
  rmSync(web, { recursive: true, force: true })
})
const portOf = (url: string): number => Number(new URL(url).port)

function ask(
  url: string,
  path: string,
  headers: Record<string, string>,
  body?: object,
  host = '127.0.0.1',
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = (url.startsWith('https:') ? secureRequest : request)(
      {
        host,
        // Self-signed; console-tls.integration.test.ts checks the certificate.
        rejectUnauthorized: false,
        port: portOf(url),
        path,
        method: body ? 'POST' : 'GET',
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
    call.on('error', reject)
    call.end(body && JSON.stringify(body))
  })
}
/** Whether the feed's WebSocket opens; everything after that needs a token anyway. */
const feedOpens = (url: string, headers: Record<string, string>): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = new WebSocket(
      `ws://127.0.0.1:${portOf(url)}/socket.io/?EIO=4&transport=websocket`,
      { headers },
    )
    const end = (isOpen: boolean) => {
      socket.terminate()
      resolve(isOpen)
    }
    socket.on('open', () => end(true))
    socket.on('error', () => end(false))
  })

describe('a foreign name for the console', () => {
  it.each([
    'evil.example',
    'evil.example:PORT',
    'localhost.',
    'localhost.:PORT',
    'localhost.evil.example',
    '127.0.0.1.nip.example:PORT',
    '[::2]:PORT',
    '[::ffff:127.0.0.1]:PORT',
    '::1',
    '0.0.0.0:PORT',
    '2130706433',
    'localhost:PORT@evil.example',
    'evil.example#127.0.0.1',
    ' ',
  ])('is refused by REST, documents and feed: %j', async (name) => {
    const host = name.replace('PORT', String(portOf(t.controller.consoleUrl)))
    for (const path of ['/health', '/auth/state', '/openapi.json', '/'])
      expect((await ask(t.controller.consoleUrl, path, { host })).status, path).toBe(403)
    expect(
      await feedOpens(t.controller.consoleUrl, { host, origin: `http://${host.trim()}` }),
    ).toBe(false)
    expect(await feedOpens(t.controller.consoleUrl, { host })).toBe(false)
  })

  it.each(['127.0.0.1:PORT', 'LOCALHOST:PORT', 'LocalHost', '[::1]:PORT'])(
    'does not include %j, which is answered',
    async (name) => {
      const host = name.replace('PORT', String(portOf(t.controller.consoleUrl)))
      expect((await ask(t.controller.consoleUrl, '/health', { host })).status).toBe(200)
      expect(await feedOpens(t.controller.consoleUrl, { host })).toBe(true)
    },
  )

  it('may not be missing', async () => {
    const socket = connect({ host: '127.0.0.1', port: portOf(t.controller.consoleUrl) })
    socket.write('GET /health HTTP/1.0\r\n\r\n')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    await new Promise((resolve) => socket.once('close', resolve))
    expect(text).toMatch(/^HTTP\/1\.1 403 /)
  })
})

describe('a page of another origin', () => {
  const origins = () => [
    'https://evil.example',
    'null',
    'file://',
    `https://127.0.0.1:${portOf(t.controller.consoleUrl)}`,
    `http://127.0.0.1:${portOf(t.controller.consoleUrl) + 1}`,
    `http://localhost:${portOf(t.controller.consoleUrl)}`,
    'app://other',
    '',
  ]
  it('is refused by REST and feed, without CORS headers that allow it', async () => {
    const host = `127.0.0.1:${portOf(t.controller.consoleUrl)}`
    for (const origin of origins()) {
      const reply = await t.rest.raw('GET', '/devices', undefined, { origin })
      expect(reply.status, origin).toBe(403)
      expect(reply.headers.get('access-control-allow-origin'), origin).toBeNull()
      expect(await feedOpens(t.controller.consoleUrl, { host, origin }), origin).toBe(false)
    }
    const preflight = await fetch(`${t.controller.consoleUrl}/devices`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' },
    })
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('the first account', () => {
  const account = (username: string) => ({ username, password: 'eve eve eve' })
  const controllers: Controller[] = []
  const folders: string[] = []
  async function fresh(
    consoleHost: string,
    more: Partial<ControllerOptions> = {},
  ): Promise<Controller> {
    const dataDir = mkdtempSync(join(tmpdir(), 'deployx-setup-'))
    folders.push(dataDir)
    const controller = await startController({
      dataDir,
      migrationsDir: MIGRATIONS_DIR,
      workersDir: TEST_WORKERS_DIR,
      rendererDir: null,
      version: '0',
      hubHost: '127.0.0.1',
      hubPort: 0,
      consoleHost,
      consolePort: 0,
      allowedOrigins: [],
      log: pino({ level: 'silent' }),
      ...more,
    })
    controllers.push(controller)
    return controller
  }
  afterAll(async () => {
    for (const controller of controllers) await controller.stop()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })

  it('is created once, however many requests arrive at the same time', async () => {
    const { consoleUrl } = await fresh('127.0.0.1')
    const replies = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((name) => ask(consoleUrl, '/auth/setup', {}, account(name))),
    )
    expect(replies.map((r) => r.status).sort()).toEqual([200, 409, 409, 409, 409])
    expect((await ask(consoleUrl, '/auth/setup', {}, account('f'))).status).toBe(409)
    expect((await ask(consoleUrl, '/auth/state', {})).text).toBe(
      '{"setup_needed":false,"setup_code_needed":false}',
    )
  })

  it('cannot be created from the LAN, whatever address the caller claims', async (context) => {
    const lan = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal)?.address
    if (!lan) return context.skip('this computer has no address but loopback')
    const { consoleUrl } = await fresh('0.0.0.0')
    const claimsAll: Record<string, string>[] = [
      {},
      { 'x-forwarded-for': '127.0.0.1' },
      { 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' },
      { host: '127.0.0.1' },
    ]
    for (const claims of claimsAll)
      expect((await ask(consoleUrl, '/auth/setup', claims, account('eve'), lan)).status).toBe(403)
    expect((await ask(consoleUrl, '/auth/state', {})).text).toBe(
      '{"setup_needed":true,"setup_code_needed":false}',
    )
  })

  it('cannot be created by a page that reaches this computer under its own name', async () => {
    const { consoleUrl } = await fresh('0.0.0.0')
    const host = `evil.example:${portOf(consoleUrl)}`
    const reply = await ask(
      consoleUrl,
      '/auth/setup',
      { host, origin: `https://${host}` },
      account('eve'),
    )
    expect(reply.status).toBe(403)
    // Nor is another controller restored instead.
    const restore = await ask(
      consoleUrl,
      '/controller/restore',
      { host, origin: `https://${host}` },
      {},
    )
    expect(restore.status).toBe(403)
    expect((await ask(consoleUrl, '/auth/state', {})).text).toBe(
      '{"setup_needed":true,"setup_code_needed":false}',
    )
  })
})

describe('the setup code', () => {
  const account = (setup_code?: string) => ({
    username: 'anna',
    password: 'correct horse',
    ...(setup_code !== undefined && { setup_code }),
  })
  let folder: string
  let controller: Controller
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deployx-code-'))
    controller = await startController({
      dataDir: folder,
      migrationsDir: MIGRATIONS_DIR,
      workersDir: TEST_WORKERS_DIR,
      rendererDir: null,
      version: '0',
      hubHost: '127.0.0.1',
      hubPort: 0,
      consolePort: 0,
      allowedOrigins: [],
      setupCode: 'ABCDE-FGHJK',
      log: pino({ level: 'silent' }),
    })
  })
  afterAll(async () => {
    await controller.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('keeps other users of this computer from creating the first account, and from a restore instead', async () => {
    const { consoleUrl } = controller
    expect((await ask(consoleUrl, '/auth/state', {})).text).toBe(
      '{"setup_needed":true,"setup_code_needed":true}',
    )
    for (const code of [undefined, '', 'abcde-fghjk', 'ABCDE-FGHJK0', 'ABCDE'])
      expect(await ask(consoleUrl, '/auth/setup', {}, account(code))).toMatchObject({
        status: 403,
        text: expect.stringContaining('E_SETUP_CODE') as string,
      })
    const form = new FormData()
    form.append('passphrase', 'x'.repeat(20))
    form.append('file', new Blob(['nothing']), 'a.recovery')
    const restore = await fetch(`${consoleUrl}/controller/restore`, { method: 'POST', body: form })
    expect(await restore.text()).toContain('E_SETUP_CODE')
    expect((await ask(consoleUrl, '/auth/setup', {}, { ...account(), setup_code: 7 })).status).toBe(
      400,
    )
  })

  it('is needed once, and attempts are limited', async () => {
    const { consoleUrl } = controller
    expect((await ask(consoleUrl, '/auth/setup', {}, account(' ABCDE-FGHJK '))).status).toBe(200)
    expect((await ask(consoleUrl, '/auth/setup', {}, account())).status).toBe(409)
    expect((await ask(consoleUrl, '/auth/state', {})).text).toBe(
      '{"setup_needed":false,"setup_code_needed":false}',
    )
    const replies = await Promise.all(
      Array.from({ length: 30 }, () => ask(consoleUrl, '/auth/setup', {}, account('guess'))),
    )
    expect(replies.map(({ status }) => status)).toContain(429)
  })
})

describe('two Host headers in one request', () => {
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: portOf(t.controller.consoleUrl) })
      let response = ''
      socket.on('data', (chunk) => (response += chunk.toString()))
      socket.on('error', reject)
      socket.once('close', () => resolve(response))
      socket.write(text)
    })
  it.each([
    ['the good one first', 'Host: 127.0.0.1\r\nHost: evil.example\r\n'],
    ['the good one last', 'Host: evil.example\r\nHost: 127.0.0.1\r\n'],
    ['the same twice', 'Host: 127.0.0.1\r\nhost: 127.0.0.1\r\n'],
  ])('are refused: %s', async (_what, hosts) => {
    for (const path of ['/health', '/', '/openapi.json', '/auth/state'])
      expect(await raw(`GET ${path} HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 400 /,
      )
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
    const feed = await raw(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${hosts}${upgrade}\r\n`,
    )
    expect(feed).toMatch(/^HTTP\/1\.1 4\d\d /)
  })
})

describe('a path outside the console’s own files', () => {
  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/.%2e/%2e./secret.txt',
    '/assets/../../secret.txt',
    '/%252e%252e%252fsecret.txt',
    '/index.html%00/../../secret.txt',
    '//secret.txt',
    '/docs/static/..%2f..%2f..%2fpackage.json',
  ])('finds nothing: %s', async (path) => {
    const reply = await ask(t.controller.consoleUrl, path, {})
    expect(reply.text).not.toContain('outside')
    expect(reply.text).not.toContain('"dependencies"')
    expect([400, 403, 404]).toContain(reply.status)
  })
})
