/** The hub's listener: TLS on the LAN. Enrolment and package bytes over HTTPS, commands and reports over Socket.IO. */
import { createServer, type Server as HttpsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server } from 'socket.io'
import { Decoder, Encoder } from 'socket.io-parser'
import { ENROLL_PATH, EnrollRequest } from '#shared/contract/agent/link.ts'
import { AGENT_DOWNLOAD_PATH } from '#shared/contract/agent/update.ts'
import { AppError, ERRORS, validationError } from '#shared/contract/errors.ts'
import type { Content } from '../../slices/content/index.ts'
import type { Clock, Log } from '../../base/context.ts'
import type { EnrollmentService } from '../../slices/enrollment/index.ts'
import type { ControllerKeys } from '../../slices/identity/index.ts'
import { plainAddress } from '../../base/addresses.ts'
import type { AgentFiles } from '../../base/agent-files.ts'
import { listen } from '../../base/listen.ts'
import { asStorageError } from '../../store/failures.ts'
import { closeDefaultNamespace } from '../../base/namespaces.ts'
import { createAgentDownloads } from './agent-downloads.ts'
import type { AgentsEdge } from './agents.ts'
import {
  createUnauthenticatedLimits,
  type RawConnection,
  type UnauthenticatedLimits,
} from './unauthenticated.ts'

const MIN_TLS = 'TLSv1.2'
/** An enrolment request fits in a few KiB. */
const ENROLL_BODY_LIMIT_BYTES = 16 * 1024
const BODY_TIMEOUT_MS = 10_000
/** Wrong codes that one address may try per minute. */
const ENROLL_TRIES_PER_MINUTE = 60
/**
 * Output chunks are the largest messages: 64 KiB of text, up to six bytes per character once
 * escaped.
 */
const MESSAGE_LIMIT_BYTES = 512 * 1024

/**
 * Nothing binary is ever sent to the hub, and attachments would be buffered until the last one
 * arrived.
 */
class TextDecoder extends Decoder {
  constructor() {
    super({ maxAttachments: 0 })
  }
}

export type HubServer = {
  port: number
  /** New connections get this key; idle connections on an old key are closed. */
  renewTls: (tls: ControllerKeys['tls']) => void
  close: () => Promise<void>
  io: Server
}

function readBody(request: IncomingMessage, clock: Clock): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const cancelTimer = clock.setTimer(BODY_TIMEOUT_MS, () => {
      reject(new AppError('E_MALFORMED', 'The request was not finished in time.'))
      request.destroy()
    })
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > ENROLL_BODY_LIMIT_BYTES)
        reject(new AppError('E_TOO_LARGE', 'The request is too large.'))
      else chunks.push(chunk)
    })
    request.on('close', cancelTimer)
    request.on('error', reject)
    request.on('end', () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')))
      } catch {
        reject(new AppError('E_MALFORMED', 'The request is not JSON.'))
      }
    })
  })
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  response.end(text)
}

export async function startHubServer(deps: {
  host: string | undefined
  port: number
  tls: ControllerKeys['tls']
  enrollment: EnrollmentService
  content: Content
  agents: AgentsEdge
  agentFiles: AgentFiles
  attach: (io: Server, unauthenticated: UnauthenticatedLimits) => void
  /** Resolves once the database is writable. @throws AppError E_BUSY on timeout */
  whenWritable: () => Promise<void>
  clock: Clock
  log: Log
}): Promise<HubServer> {
  const tries = new Map<string, number>()
  const stopClearing = deps.clock.repeat(60_000, () => tries.clear())

  async function enroll(request: IncomingMessage): Promise<unknown> {
    const address = plainAddress(request.socket.remoteAddress)
    const tried = (tries.get(address) ?? 0) + 1
    tries.set(address, tried)
    if (tried > ENROLL_TRIES_PER_MINUTE)
      throw new AppError('E_RATE_LIMITED', 'Too many attempts. Wait a minute.')
    const parsed = EnrollRequest.safeParse(await readBody(request, deps.clock))
    if (!parsed.success) throw validationError(parsed.error, 'The enrolment is not valid')
    await deps.whenWritable()
    const reply = deps.enrollment.admit(parsed.data, address)
    tries.delete(address)
    return reply
  }

  const downloads = createAgentDownloads(deps)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/'
    try {
      if (url === ENROLL_PATH && request.method === 'POST')
        return send(response, 200, await enroll(request))
      if (url.startsWith(AGENT_DOWNLOAD_PATH) && request.method === 'GET')
        return await downloads.send(
          url.slice(AGENT_DOWNLOAD_PATH.length),
          plainAddress(request.socket.remoteAddress),
          response,
        )
      if (url.startsWith('/content/')) return await deps.content.serveTicket(request, response, url)
      throw new AppError('E_NOT_FOUND', 'There is nothing here.')
    } catch (thrown) {
      const error = asStorageError(thrown)
      const known =
        error instanceof AppError
          ? error
          : new AppError('E_INTERNAL', 'Something went wrong in the controller.')
      if (!(error instanceof AppError))
        deps.log.error({ err: error, url: url.split('?')[0] }, 'a request to the hub failed')
      if (known.code === 'E_RATE_LIMITED') response.setHeader('retry-after', '60')
      else if (known.retryAfterSeconds !== null)
        response.setHeader('retry-after', String(known.retryAfterSeconds))
      // Do not wait for the rest of a refused request.
      if (!request.complete) response.shouldKeepAlive = false
      send(response, ERRORS[known.code].status, known.toReply())
    }
  }

  const server: HttpsServer = createServer(
    {
      ...deps.tls,
      minVersion: MIN_TLS,
      handshakeTimeout: 15_000,
      headersTimeout: 15_000,
      connectionsCheckingInterval: 5_000,
      keepAliveTimeout: 30_000,
      // A package may take hours on a slow link; the sender has its own timeout for a stalled
      // reader.
      requestTimeout: 0,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => void answer(request, response),
  )
  server.on('tlsClientError', (error) => deps.log.debug({ err: error }, 'a TLS client failed'))

  const io = new Server(server, {
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: MESSAGE_LIMIT_BYTES,
    parser: { Encoder, Decoder: TextDecoder },
    // Detects an unplugged cable within 15 s.
    pingInterval: 8_000,
    pingTimeout: 6_000,
    connectTimeout: 10_000,
    // Agents are not browsers: a web page has no reason to connect.
    allowRequest: (request, done) => done(null, request.headers.origin === undefined),
  })
  closeDefaultNamespace(io)
  const unauthenticated = createUnauthenticatedLimits(deps.log)
  io.engine.on('connection', (connection: RawConnection) => unauthenticated.watch(connection))
  deps.attach(io, unauthenticated)
  const port = await listen(server, deps.port, deps.host, 'hub')
  return {
    port,
    io,
    renewTls(tls) {
      server.setSecureContext({ ...tls, minVersion: MIN_TLS })
      server.closeIdleConnections()
    },
    close: async () => {
      stopClearing()
      await io.close()
      server.closeAllConnections()
    },
  }
}
