/** The type of route handlers, derived from the contract, so that a missing or wrong handler does not compile. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Rest, RouteName, RouteReply, RouteRequest } from '#shared/contract/rest/routes.ts'
import type { Viewer } from '../../base/context.ts'
import type { JsonPieces } from './json-pieces.ts'

type ViewerOf<N extends RouteName> = Rest[N]['access'] extends 'none'
  ? null
  : Viewer & { address: string }
type Answer<N extends RouteName> = Rest[N] extends { transport: 'stream' }
  ? AsyncIterable<string>
  : RouteReply<N> | Promise<RouteReply<N>> | JsonPieces<RouteReply<N>>

export type RequestContext<N extends RouteName> = {
  viewer: ViewerOf<N>
  /** Id of the session behind the token; null when no token is needed. */
  sessionId: string | null
  /** The caller's address according to the socket. */
  remoteAddress: string
  /** For slow requests: checks the session again. @throws AppError E_UNAUTHENTICATED when the user has been signed out meanwhile */
  stillSignedIn: () => void
  /** The raw request: for uploads only. */
  raw: FastifyRequest
  reply: FastifyReply
}

export type Handler<N extends RouteName> = (
  request: RouteRequest<N>,
  context: RequestContext<N>,
) => Answer<N>

/** Handlers of the routes whose name begins with one of the prefixes, e.g. `Handlers<'software'>`. */
export type Handlers<Prefix extends string> = {
  [N in Extract<RouteName, `${Prefix}.${string}`>]: Handler<N>
}
