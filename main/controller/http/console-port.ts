/** The console's port: REST, the console itself for a browser, and the feed beside them. */
import { Server } from 'socket.io'
import type { Checks } from '../check/index.ts'
import type { ConsolesEdge } from '../hub/consoles.ts'
import type { ControllerIdentity } from '../identity/index.ts'
import { listen } from '../lib/listen.ts'
import { closeDefaultNamespace } from '../lib/namespaces.ts'
import { controllerHandlers } from './controller.routes.ts'
import { coreRoutes, type CoreDeps } from './core.routes.ts'
import { createConsoleServer, type ConsoleServerOptions } from './server.ts'
import { softwareRoutes } from './software.routes.ts'
import { createTokens } from './tokens.ts'

const FEED_MESSAGE_LIMIT_BYTES = 64 * 1024

/**
 * Listens for people. What ends it again is added to `undo`, also when it throws.
 * @returns the port @throws AppError E_PORT_IN_USE
 */
export async function openConsolePort(
  deps: ConsoleServerOptions & {
    consolePort: number
    slices: Omit<CoreDeps, 'tokens'>
    identity: ControllerIdentity
    checks: Checks
    consoles: ConsolesEdge
    dataDir: string
    onRestored?: () => void
    undo: (() => unknown)[]
  },
): Promise<number> {
  const { slices, consoles } = deps
  const { users, audit, software, devices } = slices
  const web = await createConsoleServer(deps)
  const tokens = createTokens({ app: web.app, users, now: Date.now })
  const authenticate = (token: string, address: string) => tokens.authenticate(token, address)
  const isOpen = (sessionId: string, address: string): boolean =>
    users.viewerOf(sessionId, address) !== null
  await web.mount(
    {
      ...coreRoutes({ ...slices, tokens }),
      ...softwareRoutes({ software }),
      ...controllerHandlers({
        identity: deps.identity,
        checks: deps.checks,
        devices,
        dataDir: deps.dataDir,
        restart: deps.onRestored ?? null,
      }),
    },
    { authenticate, isOpen, refused: (...told) => audit.refused(...told) },
    slices.requests,
  )
  await web.app.ready()
  const feed = new Server(web.app.server, {
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false,
    maxHttpBufferSize: FEED_MESSAGE_LIMIT_BYTES,
    // A cross-site page must not ride on somebody's browser: same rule as for REST.
    allowRequest: (request, done) => done(null, web.mayCall(request)),
    connectTimeout: 10_000,
  })
  closeDefaultNamespace(feed)
  consoles.attach(feed, authenticate, isOpen)
  deps.undo.push(
    () => web.app.close(),
    () => feed.close(),
    // Whoever still uploads is cut off: closing would wait for him.
    () => web.app.server.closeAllConnections(),
  )
  return listen(web.app.server, deps.consolePort, deps.consoleHost, 'console')
}
