/** The typed client of the REST API: `call('deployments.create', { body })`. Replies are checked with the route's own schema. */
import { rest } from '#shared/contract/rest/routes.ts'
import type { Rest, RouteInput, RouteName, RouteReply } from '#shared/contract/rest/routes.ts'
import type { Route } from '#shared/contract/rest/route.ts'
import { ApiError, errorOfReply, parseJson } from './failure.ts'
import { createRepeats } from './repeat.ts'
import type { SessionKeeper } from './session.ts'
import { send, sendForFile } from './transport.ts'
import type { Reply, RequestOptions } from './transport.ts'

export type CallOptions = { timeoutMs?: number; signal?: AbortSignal }
/** Routes without params, query or body need no input. */
type Args<N extends RouteName> =
  unknown extends RouteInput<N>
    ? [input?: undefined, options?: CallOptions]
    : [input: RouteInput<N>, options?: CallOptions]
export type Call = <N extends RouteName>(name: N, ...args: Args<N>) => Promise<RouteReply<N>>

/** Routes that reply with a file. */
type FileRouteName = {
  [N in RouteName]: Rest[N] extends { transport: 'file' } ? N : never
}[RouteName]
export type DownloadedFile = { blob: Blob; fileName: string }
export type Download = <N extends FileRouteName>(
  name: N,
  input: RouteInput<N>,
) => Promise<DownloadedFile>

const DEFAULT_TIMEOUT_MS = 15_000
/** The controller builds the file first, which takes a while, then sends it. */
const FILE_TIMEOUT_MS = 10 * 60_000
export type AnyInput = { params?: object; query?: object; body?: unknown }

/** The route's path with its parameters and query filled in. */
export function addressOf(route: Route, input: AnyInput | undefined): string {
  const path = route.path.replace(/:([a-z_]+)/g, (_, key: string) =>
    encodeURIComponent(String((input?.params as Record<string, unknown> | undefined)?.[key])),
  )
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(input?.query ?? {}))
    if (value !== undefined && value !== null) query.set(key, String(value))
  const text = query.toString()
  return text ? `${path}?${text}` : path
}

type Host = { consoleUrl: string; session: SessionKeeper }

/** Sends a request, and repeats it once with a renewed session after a 401. @throws ApiError for every non-2xx status */
async function ask<R extends Reply>(
  { consoleUrl, session }: Host,
  route: Route,
  input: AnyInput | undefined,
  options: { timeoutMs: number; signal?: AbortSignal | undefined },
  sendOnce: (request: RequestOptions) => Promise<R>,
): Promise<R> {
  const once = () =>
    sendOnce({
      method: route.method,
      url: consoleUrl + addressOf(route, input),
      token: route.access === 'none' ? null : session.token(),
      body: input?.body,
      ...options,
    })
  let reply = await once()
  // Access tokens expire: renew silently once, then repeat the same request.
  if (reply.status === 401 && route.access !== 'none') {
    if (await session.renew()) reply = await once()
    if (reply.status === 401) await session.lost()
  }
  if (reply.status < 200 || reply.status > 299) throw errorOfReply(reply.status, reply.text)
  return reply
}

export function createClient(consoleUrl: string, session: SessionKeeper): Call {
  const host = { consoleUrl, session }
  const once = createRepeats()
  return async (name, ...args) => {
    const route: Route = rest[name]
    const [input, options] = [args[0] as AnyInput | undefined, args[1]]
    const limits = { timeoutMs: options?.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal: options?.signal }
    const exchange = async (body: unknown): Promise<unknown> => {
      const reply = await ask(host, route, input && { ...input, body }, limits, send)
      return readReply(route, reply.text)
    }
    const answer = route.repeatable
      ? once(addressOf(route, input), input?.body, exchange)
      : exchange(input?.body)
    return (await answer) as RouteReply<typeof name>
  }
}

/** Downloads the file that a route creates. The browser keeps large ones on disk if necessary. */
export function createDownload(consoleUrl: string, session: SessionKeeper): Download {
  const host = { consoleUrl, session }
  return async (name, input) => {
    const route: Route = rest[name]
    const limits = { timeoutMs: FILE_TIMEOUT_MS }
    const reply = await ask(host, route, input as AnyInput, limits, sendForFile)
    if (!reply.file) throw new ApiError('E_REPLY', '')
    return { blob: reply.file.blob, fileName: reply.file.name ?? 'deployx' }
  }
}

/** @throws ApiError E_REPLY when the body violates the contract */
export function readReply(route: Route, text: string): unknown {
  const reply = route.reply.safeParse(
    route.transport === 'text' || route.transport === 'stream' ? text : parseJson(text),
  )
  if (!reply.success) throw new ApiError('E_REPLY', reply.error.issues[0]?.message ?? '')
  return reply.data
}
