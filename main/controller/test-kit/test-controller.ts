/**
 * A real controller on free ports with a temporary data folder, and a client for its REST surface.
 * For tests and benchmarks.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { io, type Socket } from 'socket.io-client'
import { Software } from '#shared/contract/rest/software.ts'
import { CONSOLE_NAMESPACE, type ConsoleToHub, type HubToConsole } from '#shared/contract/feed.ts'
import {
  rest,
  type RouteInput,
  type RouteName,
  type RouteReply,
  type Session,
} from '#shared/contract/rest/routes.ts'
import { startController, type Controller, type ControllerOptions } from '../compose/index.ts'
import { replyCheck } from './reply-check.ts'
import { TEST_WORKERS_DIR } from './workers.ts'
import {
  connectSimAgent,
  enrollSimAgent,
  type SimAgent,
  type SimHub,
  type SimIdentity,
} from './sim-agent.ts'
import { MIGRATIONS_DIR } from './paths.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

export type RestReply = { status: number; body: unknown; headers: Headers }
export type RestClient = ReturnType<typeof createRestClient>

/**
 * Calls routes by their name in the contract. In tests every reply has to match `/openapi.json`.
 */
export function createRestClient(baseUrl: string, token?: string) {
  async function raw(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<RestReply> {
    const isForm = body instanceof FormData
    const response = await fetch(baseUrl + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && !isForm && { 'content-type': 'application/json' }),
        ...headers,
      },
      body:
        body === undefined
          ? undefined
          : isForm
            ? body
            : typeof body === 'string'
              ? body
              : JSON.stringify(body),
      signal: AbortSignal.timeout(EVENT_LIMIT_MS),
    })
    const text = await response.text()
    const contentType = response.headers.get('content-type')
    const isJson = /\bjson\b/.test(contentType ?? '')
    const reply = {
      status: response.status,
      body: isJson ? (JSON.parse(text) as unknown) : text,
      headers: response.headers,
    }
    replyCheck()?.(method, path, { ...reply, contentType })
    return reply
  }
  return {
    raw,
    /** @throws Error with status and body if the reply is not 2xx */
    async call<N extends RouteName>(name: N, input: RouteInput<N>): Promise<RouteReply<N>> {
      const { params, query, body } = input as { params?: object; query?: object; body?: unknown }
      let path: string = rest[name].path
      for (const [key, value] of Object.entries(params ?? {}))
        path = path.replace(`:${key}`, String(value))
      const search = new URLSearchParams(
        Object.entries(query ?? {}).map(([k, v]): [string, string] => [k, String(v)]),
      ).toString()
      const reply = await raw(rest[name].method, search ? `${path}?${search}` : path, body)
      if (reply.status >= 300)
        throw new Error(`${name}: ${reply.status} ${JSON.stringify(reply.body)}`)
      return rest[name].reply.parse(reply.body) as RouteReply<N>
    },
    async upload(
      path: string,
      file: { name: string; bytes: Uint8Array<ArrayBuffer> | string },
      fields: Record<string, string> = {},
    ): Promise<RestReply> {
      const form = new FormData()
      for (const [key, value] of Object.entries(fields)) form.append(key, value)
      form.append('file', new Blob([file.bytes]), file.name)
      return raw('POST', path, form)
    },
  }
}

export type TestController = {
  controller: Controller
  dataDir: string
  hub: SimHub
  session: Session
  rest: RestClient
  /** Without a token. */
  anonymous: RestClient
  enroll: (name: string) => Promise<SimIdentity>
  connect: (
    identity: SimIdentity,
    options?: Parameters<typeof connectSimAgent>[2] & {
      /** Called before the hub has welcomed it. */
      onLink?: (agent: SimAgent) => void
    },
  ) => Promise<SimAgent>
  feed: () => Socket<HubToConsole, ConsoleToHub>
  /** Uploads a small shell script as software. */
  /** As the library lists it. */
  addScript: (name: string, text?: string) => Promise<Software>
  /** Stops it and starts it again on the same data and ports. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

export async function startTestController(
  options: Partial<ControllerOptions> = {},
): Promise<TestController> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'deployx-test-'))
  const start = (ports: { hubPort: number; consolePort: number }) =>
    startController({
      migrationsDir: MIGRATIONS_DIR,
      // A Node without TypeScript support (Electron's) runs the built ones.
      workersDir: TEST_WORKERS_DIR,
      rendererDir: null,
      version: '0.0.0-test',
      hubHost: '127.0.0.1',
      allowedOrigins: [],
      log: pino({ level: process.env['DEPLOYX_LOG_LEVEL'] ?? 'silent' }, pino.destination(2)),
      ...ports,
      ...options,
      dataDir,
    })
  let controller = await start({ hubPort: 0, consolePort: 0 })
  const portOf = (url: string) => Number(new URL(url).port)
  const ports = { hubPort: portOf(controller.hubUrl), consolePort: portOf(controller.consoleUrl) }
  const hub: SimHub = {
    port: ports.hubPort,
    cert: readFileSync(join(dataDir, 'keys', 'hub-tls.crt'), 'utf8'),
  }
  const anonymous = createRestClient(controller.consoleUrl)
  const session = await anonymous.call('auth.setup', {
    body: { username: 'anna', password: 'correct horse' },
  })
  const client = createRestClient(controller.consoleUrl, session.token)
  const open: { close: () => void }[] = []

  return {
    get controller() {
      return controller
    },
    dataDir,
    hub,
    session,
    rest: client,
    anonymous,
    enroll: async (name) => {
      const { code } = await client.call('enrollments.create', { body: {} })
      return enrollSimAgent(hub, code, name)
    },
    connect: async (identity, agentOptions) => {
      const agent = connectSimAgent(hub, identity, agentOptions)
      open.push(agent)
      agentOptions?.onLink?.(agent)
      await agent.welcomed
      // It is welcomed a moment before the device counts as online.
      for (let i = 0; i < 200; i++) {
        const device = await client.call('devices.get', { params: { id: identity.deviceId } })
        if (device.online) break
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return agent
    },
    feed: () => {
      const socket: Socket<HubToConsole, ConsoleToHub> = io(
        controller.consoleUrl + CONSOLE_NAMESPACE,
        {
          transports: ['websocket'],
          forceNew: true,
          auth: { token: session.token },
        },
      )
      open.push(socket)
      return socket
    },
    addScript: async (name, text = '#!/bin/sh\nexit 0\n') => {
      const reply = await client.upload('/software', { name: `${name}.sh`, bytes: text })
      if (reply.status >= 300) throw new Error(JSON.stringify(reply.body))
      return Software.parse(reply.body)
    },
    restart: async () => {
      await controller.stop()
      controller = await start(ports)
    },
    stop: async () => {
      open.forEach((o) => o.close())
      await controller.stop()
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
