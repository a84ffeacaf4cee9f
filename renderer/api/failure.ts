/** What goes wrong between console and controller, as one kind of error with a code. */
import type { z } from 'zod'
import { ErrorReply } from '#shared/contract/errors.ts'
import type { ErrorDetail } from '#shared/contract/errors.ts'
import type { ClientErrorCode, Failure } from '../ui/lib/error-text.ts'

export class ApiError extends Error {
  readonly code: ClientErrorCode
  readonly details: ErrorDetail[]
  /** What stands there now, where the request was based on something older. */
  readonly current: unknown
  constructor(
    code: ClientErrorCode,
    message: string,
    details: ErrorDetail[] = [],
    current?: unknown,
  ) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.details = details
    this.current = current
  }
}

/** The error that a reply with a failing status stands for. */
export function errorOfReply(status: number, text: string): ApiError {
  const reply = ErrorReply.safeParse(parseJson(text))
  if (reply.success) {
    const { code, message, details, current } = reply.data.error
    return new ApiError(code, message, details, current)
  }
  if (status === 401) return new ApiError('E_UNAUTHENTICATED', '')
  if (status === 404) return new ApiError('E_NOT_FOUND', '')
  return new ApiError('E_REPLY', `HTTP ${status}`)
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What stands there now, of a request that was refused because it was based on something older; null: another failure. */
export function currentOf<T>(error: unknown, schema: z.ZodType<T>): T | null {
  if (!(error instanceof ApiError) || error.current === undefined) return null
  const current = schema.safeParse(error.current)
  return current.success ? current.data : null
}

/** Any thrown thing as plain data for a store. What is not an ApiError is a fault of the console itself. */
export function toFailure(error: unknown): Failure {
  if (error instanceof ApiError)
    return {
      code: error.code,
      message: error.message,
      details: error.details,
      ...(error.current !== undefined && { isOutdated: true }),
    }
  return { code: 'E_INTERNAL', message: error instanceof Error ? error.message : '', details: [] }
}
