/** The console beyond this computer: TLS with its own key, only under the names it is served under. */
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { request } from 'node:https'
import { hostname, networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import pino from 'pino'
import { io } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import { startController, type Controller } from '../../compose/index.ts'
import { TEST_WORKERS_DIR } from '../../test-kit/workers.ts'
import { openConsoleTls } from './console-tls.ts'
import { createServedNames } from './served-names.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'

const lan = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .filter(({ internal, scopeid }) => !internal && !scopeid)
const bracketed = ({ address, family }: { address: string; family: string }): string =>
  family === 'IPv6' ? `[${address}]` : address

describe('a console served to other computers', () => {
  let folder: string
  let controller: Controller
  let port: number
  let ca: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deployx-https-'))
    writeFileSync(join(folder, 'index.html'), '<html>console</html>')
    controller = await startController({
      dataDir: join(folder, 'data'),
      migrationsDir: MIGRATIONS_DIR,
      workersDir: TEST_WORKERS_DIR,
      rendererDir: folder,
      version: '0',
      hubHost: '127.0.0.1',
      hubPort: 0,
      consoleHost: '0.0.0.0',
      consoleNames: ['Deploy.Office.Example'],
      consolePort: 0,
      allowedOrigins: [],
      log: pino({ level: 'silent' }),
    })
    port = Number(new URL(controller.consoleUrl).port)
    ca = readFileSync(join(folder, 'data', 'keys', 'console-tls.crt'), 'utf8')
  })
  afterAll(async () => {
    await controller.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const ask = (
    path: string,
    headers: Record<string, string> = {},
    body?: object,
    servername = 'localhost',
  ) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port,
          path,
          ca,
          servername,
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

  it('uses TLS with its own key, and reports it', async () => {
    expect(controller.consoleUrl).toBe(`https://127.0.0.1:${port}`)
    expect(controller.consoleFingerprint).toMatch(/^sha256\/[A-Za-z0-9+/]{43}=$/)
    expect(controller.consoleFingerprint).not.toBe(controller.fingerprint)
    expect(controller.isConsoleOpenToRead).toBe(false)
    const hub = new X509Certificate(readFileSync(join(folder, 'data', 'keys', 'hub-tls.crt')))
    expect(new X509Certificate(ca).publicKey.equals(hub.publicKey)).toBe(false)
    expect(statSync(join(folder, 'data', 'keys', 'console-tls.key')).mode & 0o777).toBe(0o600)
    expect((await ask('/')).text).toContain('console')
    const socket = await new Promise<TLSSocket>((resolve) => {
      const open = connect({ port, host: '127.0.0.1', ca, servername: 'localhost' }, () =>
        resolve(open),
      )
    })
    expect(socket.authorized).toBe(true)
    expect(socket.getProtocol()).toMatch(/^TLSv1\.[23]$/)
    socket.destroy()
  })

  it('answers nothing over plain HTTP', async () => {
    const plain = new Promise((resolve, reject) => {
      plainRequest({ host: '127.0.0.1', port, path: '/health' }, resolve).on('error', reject).end()
    })
    await expect(plain).rejects.toThrow()
  })

  it('has a certificate for every name and address it is served under', () => {
    const certificate = new X509Certificate(ca)
    for (const name of ['localhost', hostname().toLowerCase(), 'deploy.office.example'])
      expect(certificate.checkHost(name), name).toBeDefined()
    for (const address of ['127.0.0.1', '::1', ...lan.map(({ address }) => address)])
      expect(certificate.checkIP(address), address).toBeDefined()
  })

  it('is not served under a name that an attacker resolves to it', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      `${hostname()}.evil.example`,
      '0.0.0.0',
      '[::2]',
    ])
      for (const path of ['/', '/health', '/auth/state', '/openapi.json'])
        expect((await ask(path, { host })).status, `${host}${path}`).toBe(403)
    const good = ['localhost', hostname(), 'deploy.office.example', 'DEPLOY.office.example']
    for (const name of [...good, ...lan.map(bracketed)])
      for (const host of [name, `${name}:${port}`])
        expect((await ask('/health', { host })).status, host).toBe(200)
  })

  it('lets only its own page sign in and use the feed', async () => {
    const host = `localhost:${port}`
    const account = { username: 'anna', password: 'correct horse' }
    const setup = await ask('/auth/setup', { host, origin: `https://${host}` }, account)
    expect(setup.status).toBe(200)
    const { token } = JSON.parse(setup.text) as { token: string }
    for (const origin of [
      `http://${host}`,
      'https://evil.example',
      `https://localhost:${port + 1}`,
    ])
      expect(
        (await ask('/auth/me', { host, origin, authorization: `Bearer ${token}` })).status,
      ).toBe(403)
    const feed = (origin: string): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = io(`https://localhost:${port}${CONSOLE_NAMESPACE}`, {
          transports: ['websocket'],
          forceNew: true,
          reconnection: false,
          auth: { token },
          ca,
          extraHeaders: { origin },
        })
        socket.on('connect', () => (socket.close(), resolve(true)))
        socket.on('connect_error', () => (socket.close(), resolve(false)))
      })
    expect(await feed(`https://localhost:${port}`)).toBe(true)
    expect(await feed('https://evil.example')).toBe(false)
    expect(await feed(`http://localhost:${port}`)).toBe(false)
  })
})

describe('the key and the certificate', () => {
  let dataDir: string
  beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'deployx-tls-'))))
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }))
  const log = pino({ level: 'silent' })
  const open = (names = ['localhost', '127.0.0.1'], vaultKey: Uint8Array | null = null) =>
    openConsoleTls({ dataDir, vaultKey, names, log })
  const file = (name: string): string => join(dataDir, 'keys', name)

  it('stay the same across starts', async () => {
    expect(await open()).toEqual(await open())
  })

  it('cover new names under the same key', async () => {
    const first = await open()
    const next = await open(['localhost', '127.0.0.1', '10.1.2.3', 'fd00::1'])
    expect(next.cert).not.toBe(first.cert)
    expect(next.fingerprint).toBe(first.fingerprint)
    expect(new X509Certificate(next.cert).checkIP('fd00::1')).toBeDefined()
    // A removed name is no reason for another warning in everyone's browser.
    expect((await open()).cert).toBe(next.cert)
  })

  it.each([
    ['console-tls.key', ''],
    ['console-tls.key', 'junk'],
    ['console-tls.crt', ''],
    ['console-tls.crt', 'junk'],
  ])('are recreated when %s holds %j', async (name, content) => {
    await open()
    writeFileSync(file(name), content)
    const { cert, key, fingerprint } = await open()
    expect(new X509Certificate(cert).checkHost('localhost')).toBeDefined()
    expect(key).toContain('PRIVATE KEY')
    expect((await open()).fingerprint).toBe(fingerprint)
  })

  it('are sealed when there is a keystore', async () => {
    const vault = new Uint8Array(32).fill(7)
    const { fingerprint } = await open()
    expect((await open(undefined, vault)).fingerprint).toBe(fingerprint)
    expect(readFileSync(file('console-tls.key'), 'utf8')).not.toContain('PRIVATE KEY')
  })
})

describe('the served names', () => {
  it('are only loopback when the console listens there', () => {
    for (const host of ['127.0.0.1', 'localhost', '::1']) {
      const names = createServedNames(host, systemClock, ['deploy.example'], () => ['10.0.0.1'])
      expect(names.isPublic).toBe(false)
      for (const name of ['localhost:7481', '127.0.0.1', '[::1]:7481'])
        expect(names.includes(name)).toBe(true)
      for (const name of ['10.0.0.1', 'deploy.example', hostname(), undefined, '', '[::1'])
        expect(names.includes(name), name).toBe(false)
    }
  })

  it('follow the addresses of this computer', () => {
    const names = createServedNames('fd00::9', systemClock, ['Deploy.example'], () => [
      '10.0.0.1',
      'fd00::9',
    ])
    expect(names.isPublic).toBe(true)
    for (const name of ['[fd00::9]:1', '10.0.0.1', 'deploy.EXAMPLE:7481', hostname()])
      expect(names.includes(name), name).toBe(true)
    for (const name of ['fd00::9', '10.0.0.2', 'x.deploy.example', 'deploy.example.'])
      expect(names.includes(name), name).toBe(false)
  })
})
