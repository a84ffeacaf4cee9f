/** One request: time-out, headers, body, reply as text. Knows nothing of routes or sessions. */
import { ApiError } from './failure.ts'

export type RequestOptions = {
  method: string
  url: string
  token: string | null
  body?: unknown
  timeoutMs: number
  signal?: AbortSignal | undefined
}
export type Reply = { status: number; text: string }

/** @throws ApiError E_UNREACHABLE, E_TIMEOUT or E_CANCELED */
export async function send(options: RequestOptions): Promise<Reply> {
  const limit = AbortSignal.timeout(options.timeoutMs)
  try {
    const response = await fetch(options.url, {
      method: options.method,
      headers: {
        ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal: options.signal ? AbortSignal.any([options.signal, limit]) : limit,
      cache: 'no-store',
      credentials: 'omit',
    })
    return { status: response.status, text: await response.text() }
  } catch {
    if (limit.aborted) throw new ApiError('E_TIMEOUT', '')
    if (options.signal?.aborted) throw new ApiError('E_CANCELED', '')
    throw new ApiError('E_UNREACHABLE', '')
  }
}
