/** The typed client of the REST surface: `call('deployments.create', { body })`, replies checked with the route's own schema. */
import { rest } from '#shared/contract/rest.ts'
import type { RouteInput, RouteName, RouteReply } from '#shared/contract/rest.ts'
import type { Route } from '#shared/contract/route.ts'
import { ApiError, errorOfReply, parseJson } from './failure.ts'
import type { SessionKeeper } from './session.ts'
import { send } from './transport.ts'

export type CallOptions = { timeoutMs?: number; signal?: AbortSignal }
/** Routes without params, query or body need no input. */
type Args<N extends RouteName> =
  unknown extends RouteInput<N>
    ? [input?: undefined, options?: CallOptions]
    : [input: RouteInput<N>, options?: CallOptions]
export type Call = <N extends RouteName>(name: N, ...args: Args<N>) => Promise<RouteReply<N>>

const DEFAULT_TIMEOUT_MS = 15_000
type LooseInput = { params?: object; query?: object; body?: unknown }

/** The route's address with its parameters and query filled in. */
export function addressOf(route: Route, input: LooseInput | undefined): string {
  const path = route.path.replace(/:([a-z_]+)/g, (_, key: string) =>
    encodeURIComponent(String((input?.params as Record<string, unknown> | undefined)?.[key])),
  )
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(input?.query ?? {}))
    if (value !== undefined && value !== null) query.set(key, String(value))
  const text = query.toString()
  return text ? `${path}?${text}` : path
}

export function createClient(consoleUrl: string, session: SessionKeeper): Call {
  return async (name, ...args) => {
    const route: Route = rest[name]
    const input = args[0] as LooseInput | undefined
    const options = args[1]
    const once = () =>
      send({
        method: route.method,
        url: consoleUrl + addressOf(route, input),
        token: route.access === 'none' ? null : session.token(),
        body: input?.body,
        timeoutMs: options?.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        signal: options?.signal,
      })
    let reply = await once()
    // A token ends after a while: one silent renewal, then the same request again.
    if (reply.status === 401 && route.access !== 'none') {
      if (await session.renew()) reply = await once()
      if (reply.status === 401) await session.lost()
    }
    if (reply.status < 200 || reply.status > 299) throw errorOfReply(reply.status, reply.text)
    return readReply(route, reply.text) as RouteReply<typeof name>
  }
}

/** @throws ApiError E_REPLY when the body is not what the contract says */
export function readReply(route: Route, text: string): unknown {
  const reply = route.reply.safeParse(
    route.transport === 'text' || route.transport === 'stream' ? text : parseJson(text),
  )
  if (!reply.success) throw new ApiError('E_REPLY', reply.error.issues[0]?.message ?? '')
  return reply.data
}
