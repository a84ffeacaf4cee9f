/** Every error code, with its HTTP status and whether a retry may help. Programs decide by the code; the text is for people. */
import { z } from 'zod'
import { fill, type AnyValues } from '../domain/templates.ts'
import {
  codeOfReason,
  ERROR_REASONS,
  ErrorReason,
  type ReasonedCode,
  type ReasonParams,
} from './error-reasons.ts'

export const ERRORS = {
  E_VALIDATION: { status: 400, retryable: false },
  E_MALFORMED: { status: 400, retryable: false },
  E_NO_TARGETS: { status: 400, retryable: false },
  E_URL_INVALID: { status: 400, retryable: false },
  E_PACKAGE_UNREADABLE: { status: 400, retryable: false },
  E_PACKAGE_LIMIT: { status: 400, retryable: false },
  E_UPLOAD_ABORTED: { status: 400, retryable: true },
  E_UNAUTHENTICATED: { status: 401, retryable: false },
  E_CREDENTIALS: { status: 401, retryable: false },
  E_PASSPHRASE: { status: 403, retryable: false },
  E_RECOVERY_FILE: { status: 400, retryable: false },
  E_ACCOUNT_DISABLED: { status: 403, retryable: false },
  E_PASSWORD_CHANGE_NEEDED: { status: 403, retryable: false },
  E_OLD_PASSWORD: { status: 403, retryable: false },
  E_FORBIDDEN: { status: 403, retryable: false },
  E_ORIGIN: { status: 403, retryable: false },
  E_SETUP_LOOPBACK_ONLY: { status: 403, retryable: false },
  E_SETUP_CODE: { status: 403, retryable: false },
  E_ENROLLMENT_CODE: { status: 403, retryable: false },
  E_DEVICE_REFUSED: { status: 403, retryable: false },
  E_NOT_FOUND: { status: 404, retryable: false },
  E_SETUP_DONE: { status: 409, retryable: false },
  E_CONFLICT: { status: 409, retryable: false },
  E_ILLEGAL_STATE: { status: 409, retryable: false },
  E_IN_USE: { status: 409, retryable: false },
  E_AGENT_OFFLINE: { status: 409, retryable: true },
  E_TOO_LARGE: { status: 413, retryable: false },
  E_MEDIA_TYPE: { status: 415, retryable: false },
  E_RANGE: { status: 416, retryable: false },
  E_RATE_LIMITED: { status: 429, retryable: true },
  E_INTERNAL: { status: 500, retryable: true },
  E_DATABASE: { status: 500, retryable: true },
  E_DISK_FULL: { status: 507, retryable: true },
  E_BUSY: { status: 503, retryable: true },
  E_STORAGE: { status: 503, retryable: true },
  E_DATA_LOCKED: { status: 500, retryable: false },
  E_DATA_UNWRITABLE: { status: 500, retryable: false },
  E_KEYS_SEALED: { status: 500, retryable: false },
  E_DATABASE_CORRUPT: { status: 500, retryable: false },
  E_DATA_INCOMPLETE: { status: 500, retryable: false },
  E_DATA_OWNER: { status: 500, retryable: false },
  E_DATABASE_BEHIND: { status: 500, retryable: false },
  E_KEYS_DAMAGED: { status: 500, retryable: false },
  E_PORT_IN_USE: { status: 500, retryable: false },
} as const
export type ErrorCode = keyof typeof ERRORS
export const ErrorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])

/** One problem: where (`/device_ids/0`) and what. */
export const ErrorDetail = z.object({ path: z.string().optional(), message: z.string() })
export type ErrorDetail = z.infer<typeof ErrorDetail>

export const WireError = z.object({
  code: ErrorCode,
  message: z.string(),
  /** The situation, if several share the code. The message is its text, filled in with the parameters. */
  reason: ErrorReason.optional().catch(undefined),
  params: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  details: z.array(ErrorDetail),
  /** E_CONFLICT because of an older version: the current state, as the route would return it. */
  current: z.unknown().optional(),
})
export type WireError = z.infer<typeof WireError>
export const ErrorReply = z.object({ success: z.literal(false), error: WireError })
export type ErrorReply = z.infer<typeof ErrorReply>

/** Codes of a single situation. */
export type PlainErrorCode = Exclude<ErrorCode, ReasonedCode>

type ErrorOptions = { cause?: unknown; retryAfterSeconds?: number; current?: unknown }
type Situation = { reason: ErrorReason; params: AnyValues }

/** An expected failure, converted to a reply only at the edge. Anything else that is thrown is a bug. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetail[]
  /** The situation and the parameters of its text; null: the code has only one. */
  readonly situation: Situation | null
  /** When to retry, in seconds; null: unknown. */
  readonly retryAfterSeconds: number | null
  /** The current state, if the caller had an older version. */
  readonly current: unknown
  /** Codes with several situations: see `of`. */
  constructor(
    code: PlainErrorCode,
    message: string,
    details?: ErrorDetail[],
    options?: ErrorOptions,
  )
  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetail[] | undefined,
    options: ErrorOptions | undefined,
    situation: Situation | null,
  )
  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetail[] = [],
    options?: ErrorOptions,
    situation: Situation | null = null,
  ) {
    super(message, options)
    this.name = 'AppError'
    this.retryAfterSeconds = options?.retryAfterSeconds ?? null
    this.current = options?.current
    this.code = code
    this.details = details
    this.situation = situation
  }
  /** The error of a situation: its code and text follow from it. */
  static of<R extends ErrorReason>(
    reason: R,
    params: ReasonParams<R>,
    details?: ErrorDetail[],
    options?: ErrorOptions,
  ): AppError {
    const message = fill(ERROR_REASONS[reason], params)
    return new AppError(codeOfReason(reason), message, details, options, { reason, params })
  }
  /** The error that another thread reported. */
  static fromWire({ code, message, details, reason, params = {} }: WireError): AppError {
    const situation = reason === undefined ? null : { reason, params }
    return new AppError(code, message, details, undefined, situation)
  }
  toReply(): ErrorReply {
    return {
      success: false,
      error: {
        code: this.code,
        message: this.message,
        ...this.situation,
        details: this.details,
        ...(this.current !== undefined && { current: this.current }),
      },
    }
  }
}

/** Zod's issues as details, each with its JSON-pointer-like path (at most 20). */
export function validationError(error: z.ZodError, what: string): AppError {
  const details = error.issues.slice(0, 20).map((issue) => ({
    path: '/' + issue.path.map(String).join('/'),
    message: issue.message,
  }))
  const first = details[0]
  return new AppError(
    'E_VALIDATION',
    first
      ? `${what}: ${first.path === '/' ? '' : first.path.slice(1) + ': '}${first.message}`
      : what,
    details,
  )
}
