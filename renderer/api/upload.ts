/** Streams an installer to the controller. XMLHttpRequest, because fetch does not tell how much has been sent. */
import { rest } from '#shared/contract/rest.ts'
import type { Software } from '#shared/contract/entities.ts'
import type { SoftwareFields } from '#shared/contract/requests.ts'
import { readReply } from './client.ts'
import { ApiError, errorOfReply } from './failure.ts'
import type { SessionKeeper } from './session.ts'

export type UploadRequest = {
  file: File
  fields: SoftwareFields
  onProgress: (sentBytes: number, totalBytes: number) => void
  signal: AbortSignal
}
export type Upload = (request: UploadRequest) => Promise<Software>

/** A stalled connection is given up after so long without one byte of progress. */
const IDLE_LIMIT_MS = 60_000
/** Once everything is sent the controller reads the file, which takes a while for large ones. */
const READING_LIMIT_MS = 10 * 60_000

export function createUpload(consoleUrl: string, session: SessionKeeper): Upload {
  return async (request) => {
    if (!session.token()) await session.renew()
    try {
      return await sendOnce(consoleUrl, session.token(), request)
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'E_UNAUTHENTICATED') throw error
      if (!(await session.renew())) {
        await session.lost()
        throw error
      }
      return sendOnce(consoleUrl, session.token(), request)
    }
  }
}

/** Multipart carries text: numbers and lists as JSON. Fields go first, so that a bad one is refused before the bytes. */
export function toFormData(file: File, fields: SoftwareFields): FormData {
  const form = new FormData()
  for (const [key, value] of Object.entries(fields))
    if (value !== undefined)
      form.append(key, typeof value === 'string' ? value : JSON.stringify(value))
  form.append('file', file, file.name)
  return form
}

function sendOnce(
  consoleUrl: string,
  token: string | null,
  { file, fields, onProgress, signal }: UploadRequest,
): Promise<Software> {
  const route = rest['software.create']
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
    xhr.open(route.method, consoleUrl + route.path)
    if (token) xhr.setRequestHeader('authorization', `Bearer ${token}`)
    xhr.upload.onprogress = (event) => {
      wait(IDLE_LIMIT_MS)
      // The envelope of the multipart body adds a little: never show more than the file.
      onProgress(Math.min(event.loaded, file.size), file.size)
    }
    xhr.upload.onload = () => wait(READING_LIMIT_MS)
    xhr.onload = () =>
      settle(() => {
        if (xhr.status < 200 || xhr.status > 299)
          return reject(errorOfReply(xhr.status, xhr.responseText))
        try {
          resolve(readReply(route, xhr.responseText) as Software)
        } catch (error) {
          reject(error instanceof Error ? error : new ApiError('E_REPLY', ''))
        }
      })
    xhr.onerror = () => settle(() => reject(new ApiError('E_UNREACHABLE', '')))
    xhr.onabort = () =>
      settle(() => reject(new ApiError(timedOut ? 'E_TIMEOUT' : 'E_CANCELED', '')))
    signal.addEventListener('abort', abort)
    if (signal.aborted) return settle(() => reject(new ApiError('E_CANCELED', '')))
    wait(IDLE_LIMIT_MS)
    xhr.send(toFormData(file, fields))
  })
}
