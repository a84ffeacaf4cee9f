/** One HTTP request: timeout, headers, body, reply as text. Independent of routes and sessions. */
import { noteControllerDate } from '../ui/lib/controller-clock.ts'
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
export type FileReply = Reply & { file: { blob: Blob; name: string | null } | null }

/** @throws ApiError E_UNREACHABLE, E_TIMEOUT or E_CANCELED */
export const send = (options: RequestOptions): Promise<Reply> =>
  exchange(options, async (response) => ({ status: response.status, text: await response.text() }))

/** As `send`, for a reply whose body is a file; an error reply is returned as text. @throws as `send` */
export const sendForFile = (options: RequestOptions): Promise<FileReply> =>
  exchange(options, async (response) => {
    const { status, ok, headers } = response
    if (!ok) return { status, text: await response.text(), file: null }
    const named = /filename="([^"]+)"/.exec(headers.get('content-disposition') ?? '')
    return { status, text: '', file: { blob: await response.blob(), name: named?.[1] ?? null } }
  })

async function exchange<T>(
  options: RequestOptions,
  read: (response: Response) => Promise<T>,
): Promise<T> {
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
    noteControllerDate(response.headers.get('date'))
    return await read(response)
  } catch {
    if (limit.aborted) throw new ApiError('E_TIMEOUT', '')
    if (options.signal?.aborted) throw new ApiError('E_CANCELED', '')
    throw new ApiError('E_UNREACHABLE', '')
  }
}
