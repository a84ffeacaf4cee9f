/** The console's listener: the REST surface from the contract's table, the feed, and the console itself for a browser. */
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { Readable } from 'node:stream'
import cors from '@fastify/cors'
import jwt from '@fastify/jwt'
import multipart from '@fastify/multipart'
import rateLimit from '@fastify/rate-limit'
import fastifyStatic from '@fastify/static'
import Fastify, {
  type FastifyError,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { serializerCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { AppError, ERRORS, ErrorReply, validationError } from '#shared/contract/errors.ts'
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import type { Route } from '#shared/contract/rest/route.ts'
import { REQUEST_BODY_LIMIT_BYTES, UPLOAD_LIMIT_BYTES } from '#shared/domain/defaults.ts'
import type { Clock, Log, Viewer } from '../../base/context.ts'
import { plainAddress } from '../../base/addresses.ts'
import { asStorageError } from '../../store/failures.ts'
import type { Requests } from '../../slices/requests/index.ts'
import type { Handler } from './handlers.ts'
import { JsonPieces } from './json-pieces.ts'
import type { ConsoleTls } from './console-tls.ts'
import { addressCounts } from './address-counts.ts'
import { answerClientError } from './raw-errors.ts'
import { createOriginGuard, securityHeaders } from './security.ts'
import type { ServedNames } from './served-names.ts'
import { createRouteAccess, type Access } from './route-access.ts'
import { createUserLimit } from './user-limit.ts'
import { ACCESS_LIFE_MS, TOKEN_AUDIENCE, TOKEN_ISSUER } from './tokens.ts'

/** Requests per minute of one address, and of one user; far fewer for sign-in and first account, because each may be a guess. */
const REQUESTS_PER_MINUTE = 3_000
const SIGN_INS_PER_MINUTE = 20
/** From the headers of a request to the last byte of its JSON. */
const BODY_LIMIT_MS = 15_000
const CONNECTION_LIMIT_MS = 120_000
const KEEP_ALIVE_MS = 72_000
const MIN_TLS = 'TLSv1.2'
const GUESSABLE: readonly RouteName[] = ['auth.login', 'auth.setup', 'auth.refresh']

const routeOf = (name: RouteName): Route => rest[name]

export type AllHandlers = { [N in RouteName]: Handler<N> }
type AnyHandler = (
  request: { params: unknown; query: unknown; body: unknown },
  context: {
    viewer: (Viewer & { address: string }) | null
    sessionId: string | null
    remoteAddress: string
    stillSignedIn: () => void
    raw: FastifyRequest
    reply: FastifyReply
  },
) => unknown

/** The single place that turns every error into an AppError. */
function toAppError(error: FastifyError | AppError | z.ZodError, log: Log): AppError {
  if (error instanceof AppError) return error
  if (error instanceof z.ZodError) return validationError(error, 'The request is not valid')
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
    case 'FST_REQ_FILE_TOO_LARGE':
      return new AppError('E_TOO_LARGE', 'The request is too large.')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_INVALID_MULTIPART_CONTENT_TYPE':
      return new AppError('E_MEDIA_TYPE', 'This kind of content is not accepted here.')
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new AppError('E_MALFORMED', 'The request is not valid JSON.')
    default:
  }
  if (error.statusCode === 429)
    return new AppError('E_RATE_LIMITED', 'Too many requests. Wait a moment.')
  // A path that leads out of the console's own files: report it as not found, not as a fault.
  if (error.code === 'FST_STATIC_FORBIDDEN_PATH' || error.statusCode === 404)
    return new AppError('E_NOT_FOUND', 'There is nothing at this address.')
  if (error instanceof SyntaxError || (error.statusCode && error.statusCode < 500))
    return new AppError('E_MALFORMED', 'The request is malformed.')
  log.error({ err: error }, 'a request failed')
  const storageError = asStorageError(error)
  if (storageError instanceof AppError) return storageError
  return error.code?.startsWith('SQLITE')
    ? new AppError('E_DATABASE', 'The database did not accept the change. Nothing was changed.')
    : new AppError('E_INTERNAL', 'Something went wrong in the controller. Its log has the details.')
}

/** Parses with the contract's schema; an error names the path of each problem. */
function parse(schema: z.ZodType | undefined, value: unknown, what: string): unknown {
  if (!schema) return undefined
  const result = schema.safeParse(value)
  if (!result.success) throw validationError(result.error, what)
  return result.data
}

/** Uploads may take hours and have their own timeout; every other body must arrive within this limit. */
export function limitBodyTime(request: IncomingMessage, clock: Pick<Clock, 'setTimer'>): void {
  const cancelTimer = clock.setTimer(BODY_LIMIT_MS, () => {
    if (!request.complete) request.destroy()
  })
  for (const event of ['end', 'close'] as const) request.once(event, cancelTimer)
}

/** Routes whose response is not JSON and is not checked. */
const hasOwnReply = ({ transport }: Route): boolean =>
  transport === 'text' || transport === 'file' || transport === 'stream'
/**
 * Replies of ten thousand rows or ids, built field by field from typed rows. Parsing them once more would take longer than
 * reading them from the database, so only tests check them against their schema.
 */
const SENT_AS_BUILT: readonly RouteName[] = [
  'devices.list',
  'inventory.software',
  'groups.list',
  'deployments.progress',
  'deployments.preflight',
]
/** The JSON that a response may contain; fields outside the schema are dropped. */
function replySchema(name: RouteName) {
  const route = routeOf(name)
  const isChecked = !hasOwnReply(route) && !SENT_AS_BUILT.includes(name)
  return { response: { ...(isChecked && { 200: route.reply }), '4xx': ErrorReply } }
}

/** `/openapi.json` and `/docs`, loaded at the first request. */
function serveDocs(app: FastifyInstance, version: string): void {
  let docs: Promise<FastifyInstance> | null = null
  const load = async (): Promise<FastifyInstance> => (await import('./docs.ts')).createDocs(version)
  app.addHook('onClose', async () => (await docs?.catch(() => null))?.close())
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    docs ??= load()
    // A failure is not cached: the next request tries again.
    docs.catch(() => (docs = null))
    const inner = await (await docs).inject({ method: 'GET', url: request.url })
    if (inner.statusCode === 404)
      throw new AppError('E_NOT_FOUND', 'There is nothing at this address.')
    const headers = { ...inner.headers }
    delete headers.connection // belongs to the inner application's connection
    return reply.status(inner.statusCode).headers(headers).send(inner.rawPayload)
  }
  for (const url of ['/openapi.json', '/docs', '/docs/*']) app.get(url, answer)
}

/** Fastify does not configure a server that is passed to it, so the limits are set here. */
function secureServer({ key, cert }: ConsoleTls, handler: RequestListener): Server {
  const limits = { handshakeTimeout: 15_000, requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS }
  const server = createSecureServer({ key, cert, minVersion: MIN_TLS, ...limits }, handler)
  server.setTimeout(CONNECTION_LIMIT_MS)
  return server
}

export type ConsoleServerOptions = {
  jwtSecret: string
  names: ServedNames
  /** Null: plain HTTP. */
  tls: ConsoleTls | null
  allowedOrigins: readonly string[]
  rendererDir: string | null
  version: string
  /** Resolves once the database can be written. @throws AppError E_BUSY after a while */
  whenWritable: () => Promise<void>
  clock: Pick<Clock, 'monotonicMs' | 'setTimer'>
  log: Log
}

export async function createConsoleServer(deps: ConsoleServerOptions): Promise<{
  app: FastifyInstance
  /** Whether its `Host` and `Origin` are allowed. */
  mayCall: (request: IncomingMessage) => boolean
  /** Registers the routes once the slices exist. */
  mount: (handlers: AllHandlers, access: Access, requests: Requests) => Promise<void>
}> {
  const { tls } = deps
  function answerFailure(
    error: FastifyError | AppError | z.ZodError,
    reply: FastifyReply,
  ): FastifyReply {
    const known = toAppError(error, deps.log)
    if (known.retryAfterSeconds !== null)
      void reply.header('retry-after', String(known.retryAfterSeconds))
    else if (known.code === 'E_RATE_LIMITED' && !reply.hasHeader('retry-after'))
      void reply.header('retry-after', '30')
    // Serialized here, because the reply's schema is that of the route and does not fit an error.
    return reply
      .status(ERRORS[known.code].status)
      .type('application/json; charset=utf-8')
      .serializer(JSON.stringify)
      .send(known.toReply())
  }
  const options: FastifyHttpOptions<Server> = {
    clientErrorHandler: answerClientError,
    // For URLs that cannot be decoded. No hook runs for these.
    frameworkErrors: (error, _request, reply) => {
      securityHeaders(reply)
      answerFailure(error, reply)
    },
    bodyLimit: REQUEST_BODY_LIMIT_BYTES,
    requestTimeout: 0, // uploads may take long; a request without a body has the socket's own limits
    connectionTimeout: CONNECTION_LIMIT_MS,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: true,
  }
  if (tls) options.serverFactory = (handler) => secureServer(tls, handler)
  const app = Fastify(options)
  app.setSerializerCompiler(serializerCompiler)

  const guard = createOriginGuard({
    names: deps.names,
    isSecure: tls !== null,
    allowedOrigins: deps.allowedOrigins,
  })
  app.addHook('onRequest', async (request, reply) => {
    // A client that has hung up has no address to count requests under, and receives no response.
    if (request.socket.remoteAddress === undefined) return reply.hijack()
    guard.check(request.raw)
    if (!request.headers['content-type']?.startsWith('multipart/'))
      limitBodyTime(request.raw, deps.clock)
  })
  app.addHook('onSend', async (_request, reply) => securityHeaders(reply))
  app.setErrorHandler((error: FastifyError | AppError | z.ZodError, _request, reply) =>
    answerFailure(error, reply),
  )
  app.setNotFoundHandler(() => {
    throw new AppError('E_NOT_FOUND', 'There is nothing at this address.')
  })

  await app.register(cors, {
    origin: [...deps.allowedOrigins],
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    maxAge: 600,
    exposedHeaders: ['content-disposition', 'date', 'retry-after'],
  })
  const takeOne = createUserLimit(REQUESTS_PER_MINUTE, deps.clock.monotonicMs)
  await app.register(rateLimit, {
    global: true,
    max: REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    store: addressCounts(deps.clock.monotonicMs),
  })
  await app.register(jwt, {
    secret: deps.jwtSecret,
    sign: { algorithm: 'HS256', iss: TOKEN_ISSUER, aud: TOKEN_AUDIENCE, expiresIn: ACCESS_LIFE_MS },
    verify: { algorithms: ['HS256'], allowedIss: TOKEN_ISSUER, allowedAud: TOKEN_AUDIENCE },
  })
  await app.register(multipart, {
    limits: { fileSize: UPLOAD_LIMIT_BYTES, files: 2, fields: 20, fieldSize: 64 * 1024 },
  })
  return {
    app,
    mayCall: guard.mayCall,
    async mount(handlers, access, requests) {
      const admit = createRouteAccess(access)
      /** Runs a request with a client key only once, however often it is sent. */
      function answerOnce(
        name: RouteName,
        { params, body }: { params: unknown; body: unknown },
        viewer: Viewer | null,
        work: () => unknown,
      ): unknown {
        const { request_id: key, ...rest } = (body ?? {}) as { request_id?: string }
        return routeOf(name).repeatable && viewer && key !== undefined
          ? requests.once(viewer, key, name, { params, body: rest }, work)
          : work()
      }
      for (const name of Object.keys(rest) as RouteName[]) {
        const route = routeOf(name)
        const handler = handlers[name] as unknown as AnyHandler
        app.route({
          method: route.method,
          url: route.path,
          // Requests are validated below, so that every error has the same shape and wording.
          schema: replySchema(name),
          config: {
            rateLimit: GUESSABLE.includes(name)
              ? { max: SIGN_INS_PER_MINUTE, timeWindow: 60_000 }
              : {},
          },
          handler: async (request, reply) => {
            const remoteAddress = plainAddress(request.socket.remoteAddress)
            const known = admit(name, request.headers.authorization, remoteAddress)
            if (known) takeOne(known.viewer.id)
            const stillSignedIn = (): void => {
              if (known && !access.isOpen(known.sessionId, remoteAddress))
                throw new AppError('E_UNAUTHENTICATED', 'This session has ended. Sign in again.')
            }
            const input = {
              params: parse(route.params, request.params, 'The address is not valid') ?? {},
              query: parse(route.query, request.query, 'The query is not valid') ?? {},
              body:
                route.transport === 'multipart'
                  ? undefined
                  : parse(
                      route.body,
                      request.body === undefined ? {} : request.body,
                      'The request is not valid',
                    ),
            }
            // Another program may lock the database for a moment: waiting here delays only this request.
            if (route.method !== 'GET') await deps.whenWritable()
            const context = {
              viewer: known?.viewer ?? null,
              sessionId: known?.sessionId ?? null,
              remoteAddress,
              stillSignedIn,
              raw: request,
              reply,
            }
            const result = await answerOnce(name, input, known?.viewer ?? null, () =>
              handler(input, context),
            )
            if (result instanceof JsonPieces)
              return reply
                .type('application/json; charset=utf-8')
                .send(Readable.from(result.pieces))
            return reply.send(
              route.transport === 'stream'
                ? Readable.from(result as AsyncIterable<string>)
                : result,
            )
          },
        })
      }
      serveDocs(app, deps.version)
      if (deps.rendererDir)
        await app.register(fastifyStatic, {
          root: deps.rendererDir,
          index: 'index.html',
          maxAge: 0,
        })
    },
  }
}
