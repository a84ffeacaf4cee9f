/** Streams a file to the controller. Uses XMLHttpRequest, because fetch does not report upload progress. */
import { rest } from '#shared/contract/rest/routes.ts'
import type { Rest, RouteInput, RouteName, RouteReply } from '#shared/contract/rest/routes.ts'
import type { Route } from '#shared/contract/rest/route.ts'
import { addressOf, readReply } from './client.ts'
import type { AnyInput } from './client.ts'
import { ApiError, errorOfReply } from './failure.ts'
import type { SessionKeeper } from './session.ts'

/** Routes that accept a file. */
type UploadRouteName = {
  [N in RouteName]: Rest[N] extends { transport: 'multipart' } ? N : never
}[RouteName]
export type UploadRequest = {
  file: File
  /** Files that describe it. */
  manifests?: readonly File[]
  /** Form fields sent with the file; values that are not text are sent as JSON. */
  fields: Record<string, unknown>
  onProgress: (sentBytes: number, totalBytes: number) => void
  signal: AbortSignal
}
export type Upload = <N extends UploadRouteName>(
  name: N,
  input: RouteInput<N>,
  request: UploadRequest,
) => Promise<RouteReply<N>>

/** A stalled connection is aborted after this long without a byte of progress. */
const IDLE_LIMIT_MS = 60_000
/** After the upload the controller inspects the file, which takes a while for large ones. */
const READING_LIMIT_MS = 10 * 60_000

export function createUpload(consoleUrl: string, session: SessionKeeper): Upload {
  return async (name, input, request) => {
    const route: Route = rest[name]
    const url = consoleUrl + addressOf(route, input as AnyInput)
    const send = async () => {
      const token = route.access === 'none' ? null : session.token()
      const text = await sendOnce(route.method, url, token, request)
      return readReply(route, text) as RouteReply<typeof name>
    }
    if (route.access !== 'none' && !session.token()) await session.renew()
    try {
      return await send()
    } catch (error) {
      const mayRenew =
        route.access !== 'none' && error instanceof ApiError && error.code === 'E_UNAUTHENTICATED'
      if (!mayRenew) throw error
      if (!(await session.renew())) {
        await session.lost()
        throw error
      }
      return send()
    }
  }
}

/** Multipart carries text: numbers and lists go as JSON. Fields come first, so that a bad one is refused before the upload. */
export function toFormData(
  file: File,
  fields: UploadRequest['fields'],
  manifests: readonly File[] = [],
): FormData {
  const form = new FormData()
  for (const [key, value] of Object.entries(fields))
    if (value !== undefined)
      form.append(key, typeof value === 'string' ? value : JSON.stringify(value))
  for (const manifest of manifests) form.append('manifest', manifest, manifest.name)
  form.append('file', file, file.name)
  return form
}

function sendOnce(
  method: string,
  url: string,
  token: string | null,
  { file, fields, manifests, onProgress, signal }: UploadRequest,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    let idle: ReturnType<typeof setTimeout>
    let timedOut = false
    const wait = (limitMs: number) => {
      clearTimeout(idle)
      idle = setTimeout(() => {
        timedOut = true
        xhr.abort()
      }, limitMs)
    }
    const abort = () => xhr.abort()
    const settle = (act: () => void) => {
      clearTimeout(idle)
      signal.removeEventListener('abort', abort)
      act()
    }
    xhr.open(method, url)
    if (token) xhr.setRequestHeader('authorization', `Bearer ${token}`)
    xhr.upload.onprogress = (event) => {
      wait(IDLE_LIMIT_MS)
      // The multipart envelope adds a few bytes: never show more than the file size.
      onProgress(Math.min(event.loaded, file.size), file.size)
    }
    xhr.upload.onload = () => wait(READING_LIMIT_MS)
    xhr.onload = () =>
      settle(() => {
        if (xhr.status >= 200 && xhr.status <= 299) resolve(xhr.responseText)
        else reject(errorOfReply(xhr.status, xhr.responseText))
      })
    xhr.onerror = () => settle(() => reject(new ApiError('E_UNREACHABLE', '')))
    xhr.onabort = () =>
      settle(() => reject(new ApiError(timedOut ? 'E_TIMEOUT' : 'E_CANCELED', '')))
    signal.addEventListener('abort', abort)
    if (signal.aborted) return settle(() => reject(new ApiError('E_CANCELED', '')))
    wait(IDLE_LIMIT_MS)
    xhr.send(toFormData(file, fields, manifests))
  })
}
