/**
 * The controller's REST API from outside, as an administrator's script would use it. Typed by the contract.
 */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import {
  rest,
  type RouteInput,
  type RouteName,
  type RouteReply,
} from '#shared/contract/rest/routes.ts'

const REQUEST_LIMIT_MS = 90_000
export const ADMIN = { username: 'anna', password: 'correct horse battery' } as const

export type Api = ReturnType<typeof createApi>

/** @param token of a signed-in user; not needed for public routes */
export function createApi(consoleUrl: string, token?: string) {
  async function send(method: string, path: string, body?: FormData | string): Promise<Response> {
    const response = await fetch(consoleUrl + path, {
      method,
      body,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(typeof body === 'string' && { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    })
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }
  return {
    /**
     * @throws Error with status and body if the controller refuses, or if its reply does not match the
     * contract
     */
    async call<N extends RouteName>(name: N, input: RouteInput<N>): Promise<RouteReply<N>> {
      const { params, query, body } = input as { params?: object; query?: object; body?: unknown }
      let path: string = rest[name].path
      for (const [key, value] of Object.entries(params ?? {}))
        path = path.replace(`:${key}`, encodeURIComponent(String(value)))
      if (query) path += `?${new URLSearchParams(query as Record<string, string>).toString()}`
      const text = body === undefined ? undefined : JSON.stringify(body)
      const response = await send(rest[name].method, path, text)
      return rest[name].reply.parse(await response.json()) as RouteReply<N>
    },
    /** Uploads a file as new software. */
    async upload(
      file: string,
      fields: Record<string, string> = {},
    ): Promise<RouteReply<'software.create'>> {
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) form.append(name, value)
      form.append('file', new Blob([await readFile(file)]), basename(file))
      const response = await send('POST', '/software', form)
      return rest['software.create'].reply.parse(await response.json())
    },
  }
}

/** Creates the first account of a new controller and returns the API as its owner. */
export async function setUpAccount(consoleUrl: string, setup_code: string): Promise<Api> {
  const body = { ...ADMIN, setup_code }
  const { token } = await createApi(consoleUrl).call('auth.setup', { body })
  return createApi(consoleUrl, token)
}

/** Signs in with the first account. */
export async function signIn(consoleUrl: string): Promise<Api> {
  const { token } = await createApi(consoleUrl).call('auth.login', { body: ADMIN })
  return createApi(consoleUrl, token)
}
