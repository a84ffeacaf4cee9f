/** Everything that can go wrong between console and controller, as one error type with a code. */
import type { z } from 'zod'
import { ErrorReply } from '#shared/contract/errors.ts'
import type { ErrorDetail } from '#shared/contract/errors.ts'
import type { ClientErrorCode, Failure } from '../ui/lib/error-text.ts'

type Situation = Required<Pick<Failure, 'reason' | 'params'>>

export class ApiError extends Error {
  readonly code: ClientErrorCode
  readonly details: ErrorDetail[]
  /** The current state, when the request was based on an outdated one. */
  readonly current: unknown
  /** The situation and the parameters of its text, if the code has several. */
  readonly situation: Situation | null
  constructor(
    code: ClientErrorCode,
    message: string,
    details: ErrorDetail[] = [],
    current?: unknown,
    situation: Situation | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.details = details
    this.current = current
    this.situation = situation
  }
}

/** Converts a reply with a failing status into an error. */
export function errorOfReply(status: number, text: string): ApiError {
  const reply = ErrorReply.safeParse(parseJson(text))
  if (reply.success) {
    const { code, message, details, current, reason, params = {} } = reply.data.error
    return new ApiError(code, message, details, current, reason ? { reason, params } : null)
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

/** The current state, if the request was refused because it was based on an outdated one; null for any other failure. */
export function currentOf<T>(error: unknown, schema: z.ZodType<T>): T | null {
  if (!(error instanceof ApiError) || error.current === undefined) return null
  const current = schema.safeParse(error.current)
  return current.success ? current.data : null
}

/** Any thrown value as plain data for a store. Anything but an ApiError is a bug in the console itself. */
export function toFailure(error: unknown): Failure {
  if (error instanceof ApiError)
    return {
      code: error.code,
      message: error.message,
      details: error.details,
      ...error.situation,
      ...(error.current !== undefined && { isOutdated: true }),
    }
  return { code: 'E_INTERNAL', message: error instanceof Error ? error.message : '', details: [] }
}
