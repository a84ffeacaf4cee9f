/** The console's port: REST, the console itself for a browser, and the feed. */
import type { IncomingMessage } from 'node:http'
import { Server } from 'socket.io'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import type { Checks } from '../../slices/check/index.ts'
import type { Clock, Random } from '../../base/context.ts'
import type { ConsolesEdge } from './feed.ts'
import type { ControllerIdentity } from '../../slices/identity/index.ts'
import { hostPort } from '../../base/host-port.ts'
import { listen } from '../../base/listen.ts'
import { closeDefaultNamespace } from '../../base/namespaces.ts'
import type { VaultKey } from '../../base/vault.ts'
import { openConsoleTls } from './console-tls.ts'
import { controllerHandlers } from './controller.routes.ts'
import { coreRoutes, type CoreDeps } from './core.routes.ts'
import { createConsoleServer, limitBodyTime, type ConsoleServerOptions } from './server.ts'
import { createServedNames } from './served-names.ts'
import { createSetupCode } from './setup-code.ts'
import { softwareRoutes } from './software.routes.ts'
import { createTokens } from './tokens.ts'

const FEED_MESSAGE_LIMIT_BYTES = 64 * 1024
/** Most feed connections that have not authenticated yet. With long polling these are not TCP connections. */
const FEED_UNAUTHENTICATED_LIMIT = 200
/** A poll is answered at least this often: proxies cut requests that stay open much longer. */
const FEED_PING_MS = 10_000

/** An address that listens everywhere is replaced by the one that always reaches this computer. */
const EVERY_HOST: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

export type ConsolePort = {
  port: number
  url: string
  /** Of the console's own TLS key; null over plain HTTP. */
  fingerprint: Fingerprint | null
  /** Passwords cross the network unencrypted. */
  isPlainInPublic: boolean
}

/**
 * Listens for consoles. Adds the functions that stop it to `undo`, even if it throws.
 * @returns the open port with its URL @throws AppError E_PORT_IN_USE
 */
export async function openConsolePort(
  deps: Omit<ConsoleServerOptions, 'names' | 'tls'> & {
    consoleHost: string
    consolePort: number
    clock: Clock
    random: Random
    /** Further host names of the console. */
    consoleNames: readonly string[]
    /** Beyond loopback the console uses TLS unless this is set. */
    consolePlainHttp: boolean
    /** See setup-code.ts. */
    setupCode: string | null
    vaultKey: VaultKey
    slices: Omit<CoreDeps, 'tokens' | 'setupCode'>
    identity: ControllerIdentity
    checks: Checks
    consoles: ConsolesEdge
    dataDir: string
    onRestored?: () => void
    undo: (() => unknown)[]
  },
): Promise<ConsolePort> {
  const { slices, consoles } = deps
  const { users, audit, software, devices } = slices
  const names = createServedNames(deps.consoleHost, deps.clock, deps.consoleNames)
  const isSecure = names.isPublic && !deps.consolePlainHttp
  const { dataDir, vaultKey, log } = deps
  const tls = isSecure
    ? await openConsoleTls({ dataDir, vaultKey, names: names.list(), log })
    : null
  const web = await createConsoleServer({ ...deps, names, tls })
  const setupCode = createSetupCode(deps.setupCode)
  const tokens = createTokens({ app: web.app, users, now: deps.clock.wallMs })
  const authenticate = (token: string, address: string) => tokens.authenticate(token, address)
  const isOpen = (sessionId: string, address: string): boolean =>
    users.viewerOf(sessionId, address) !== null
  await web.mount(
    {
      ...coreRoutes({ ...slices, tokens, setupCode }),
      ...softwareRoutes({ software, clock: deps.clock }),
      ...controllerHandlers({
        identity: deps.identity,
        checks: deps.checks,
        devices,
        setupCode,
        dataDir: deps.dataDir,
        restart: deps.onRestored ?? null,
        clock: deps.clock,
        random: deps.random,
      }),
    },
    { authenticate, isOpen, refused: (...refusal) => audit.refused(...refusal) },
    slices.requests,
  )
  await web.app.ready()
  const feed = new Server(web.app.server, {
    // Long polling is for consoles behind a proxy or virus scanner that blocks WebSockets.
    transports: ['polling', 'websocket'],
    cors: { origin: [...deps.allowedOrigins] },
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: FEED_MESSAGE_LIMIT_BYTES,
    pingInterval: FEED_PING_MS,
    allowRequest: (_request, done) =>
      done(
        null,
        feed.engine.clientsCount - feed.of(CONSOLE_NAMESPACE).sockets.size <
          FEED_UNAUTHENTICATED_LIMIT,
      ),
    connectTimeout: 10_000,
  })
  // `allowRequest` runs once per connection; its polls and upgrades are further requests.
  feed.engine.use((request: IncomingMessage, _response: unknown, next: (error?: Error) => void) => {
    if (!web.mayCall(request)) return next(new Error('E_ORIGIN'))
    limitBodyTime(request, deps.clock)
    next()
  })
  closeDefaultNamespace(feed)
  consoles.attach(feed, authenticate, isOpen)
  deps.undo.push(
    () => web.app.close(),
    () => feed.close(),
    // Running uploads are cut off: closing would wait for them.
    () => web.app.server.closeAllConnections(),
  )
  const port = await listen(web.app.server, deps.consolePort, deps.consoleHost, 'console')
  const host = EVERY_HOST[deps.consoleHost] ?? deps.consoleHost
  return {
    port,
    url: `${tls ? 'https' : 'http'}://${hostPort(host, port)}`,
    fingerprint: tls?.fingerprint ?? null,
    isPlainInPublic: names.isPublic && tls === null,
  }
}
