/** Title and next step for each error code. Behaviour depends on the code, never on the text. */
import { ERRORS } from '#shared/contract/errors.ts'
import type { ErrorCode, ErrorDetail } from '#shared/contract/errors.ts'
import { ERROR_REASONS } from '#shared/contract/error-reasons.ts'
import type { ErrorReason } from '#shared/contract/error-reasons.ts'
import { fits } from '#shared/domain/templates.ts'
import type { AnyValues } from '#shared/domain/templates.ts'
import { upperFirst } from '#shared/domain/upper-first.ts'
import { t } from '../texts.ts'

/** Failures that never reached the controller, or whose reply was unreadable. */
export const LOCAL_CODES = ['E_UNREACHABLE', 'E_TIMEOUT', 'E_REPLY', 'E_CANCELED'] as const
export type LocalCode = (typeof LOCAL_CODES)[number]
export type ClientErrorCode = ErrorCode | LocalCode

/** The controller's own message is more specific than a general sentence (which field, which name): show it. */
type Copy = { title: string; next: string | null; messageSaysMore?: boolean }

export const ERROR_TEXT: Record<ClientErrorCode, Copy> = {
  E_VALIDATION: {
    title: t('errors.E_VALIDATION.title'),
    next: null,
    messageSaysMore: true,
  },
  E_MALFORMED: {
    title: t('errors.E_MALFORMED.title'),
    next: t('errors.E_MALFORMED.next'),
  },
  E_NO_TARGETS: {
    title: t('errors.E_NO_TARGETS.title'),
    next: t('errors.E_NO_TARGETS.next'),
  },
  E_URL_INVALID: {
    title: t('errors.E_URL_INVALID.title'),
    next: t('errors.E_URL_INVALID.next'),
    messageSaysMore: true,
  },
  E_PACKAGE_UNREADABLE: {
    title: t('errors.E_PACKAGE_UNREADABLE.title'),
    next: t('errors.E_PACKAGE_UNREADABLE.next'),
    messageSaysMore: true,
  },
  E_PACKAGE_LIMIT: {
    title: t('errors.E_PACKAGE_LIMIT.title'),
    next: t('errors.E_PACKAGE_LIMIT.next'),
    messageSaysMore: true,
  },
  E_UPLOAD_ABORTED: {
    title: t('errors.E_UPLOAD_ABORTED.title'),
    next: t('errors.E_UPLOAD_ABORTED.next'),
  },
  E_UNAUTHENTICATED: {
    title: t('errors.E_UNAUTHENTICATED.title'),
    next: t('errors.E_UNAUTHENTICATED.next'),
  },
  E_CREDENTIALS: {
    title: t('errors.E_CREDENTIALS.title'),
    next: null,
  },
  E_PASSPHRASE: {
    title: t('errors.E_PASSPHRASE.title'),
    next: t('errors.E_PASSPHRASE.next'),
  },
  E_RECOVERY_FILE: {
    title: t('errors.E_RECOVERY_FILE.title'),
    next: t('errors.E_RECOVERY_FILE.next'),
    messageSaysMore: true,
  },
  E_ACCOUNT_DISABLED: {
    title: t('errors.E_ACCOUNT_DISABLED.title'),
    next: t('errors.E_ACCOUNT_DISABLED.next'),
  },
  E_PASSWORD_CHANGE_NEEDED: {
    title: t('errors.E_PASSWORD_CHANGE_NEEDED.title'),
    next: t('errors.E_PASSWORD_CHANGE_NEEDED.next'),
  },
  E_OLD_PASSWORD: {
    title: t('errors.E_OLD_PASSWORD.title'),
    next: null,
  },
  E_FORBIDDEN: {
    title: t('errors.E_FORBIDDEN.title'),
    next: t('errors.E_FORBIDDEN.next'),
  },
  E_ORIGIN: {
    title: t('errors.E_ORIGIN.title'),
    next: t('errors.E_ORIGIN.next'),
  },
  E_SETUP_CODE: {
    title: t('errors.E_SETUP_CODE.title'),
    next: t('errors.E_SETUP_CODE.next'),
  },
  E_SETUP_LOOPBACK_ONLY: {
    title: t('errors.E_SETUP_LOOPBACK_ONLY.title'),
    next: t('errors.E_SETUP_LOOPBACK_ONLY.next'),
    messageSaysMore: true,
  },
  E_ENROLLMENT_CODE: {
    title: t('errors.E_ENROLLMENT_CODE.title'),
    next: t('errors.E_ENROLLMENT_CODE.next'),
  },
  E_DEVICE_REFUSED: {
    title: t('errors.E_DEVICE_REFUSED.title'),
    next: null,
    messageSaysMore: true,
  },
  E_NOT_FOUND: {
    title: t('errors.E_NOT_FOUND.title'),
    next: t('errors.E_NOT_FOUND.next'),
  },
  E_SETUP_DONE: {
    title: t('errors.E_SETUP_DONE.title'),
    next: t('errors.E_SETUP_DONE.next'),
  },
  E_CONFLICT: {
    title: t('errors.E_CONFLICT.title'),
    next: null,
    messageSaysMore: true,
  },
  E_ILLEGAL_STATE: {
    title: t('errors.E_ILLEGAL_STATE.title'),
    next: null,
    messageSaysMore: true,
  },
  E_IN_USE: {
    title: t('errors.E_IN_USE.title'),
    next: null,
    messageSaysMore: true,
  },
  E_AGENT_OFFLINE: {
    title: t('errors.E_AGENT_OFFLINE.title'),
    next: t('errors.E_AGENT_OFFLINE.next'),
  },
  E_TOO_LARGE: {
    title: t('errors.E_TOO_LARGE.title'),
    next: null,
    messageSaysMore: true,
  },
  E_MEDIA_TYPE: {
    title: t('errors.E_MEDIA_TYPE.title'),
    next: t('errors.E_MEDIA_TYPE.next'),
  },
  E_RANGE: {
    title: t('errors.E_RANGE.title'),
    next: null,
  },
  E_RATE_LIMITED: {
    title: t('errors.E_RATE_LIMITED.title'),
    next: null,
    messageSaysMore: true,
  },
  E_INTERNAL: {
    title: t('errors.E_INTERNAL.title'),
    next: t('errors.E_INTERNAL.next'),
  },
  E_DATABASE: {
    title: t('errors.E_DATABASE.title'),
    next: t('errors.E_DATABASE.next'),
  },
  E_DISK_FULL: {
    title: t('errors.E_DISK_FULL.title'),
    next: t('errors.E_DISK_FULL.next'),
  },
  E_BUSY: {
    title: t('errors.E_BUSY.title'),
    next: t('errors.E_BUSY.next'),
  },
  E_STORAGE: {
    title: t('errors.E_STORAGE.title'),
    next: null,
    messageSaysMore: true,
  },
  E_DATA_LOCKED: {
    title: t('errors.E_DATA_LOCKED.title'),
    next: t('errors.E_DATA_LOCKED.next'),
  },
  E_DATA_UNWRITABLE: {
    title: t('errors.E_DATA_UNWRITABLE.title'),
    next: t('errors.E_DATA_UNWRITABLE.next'),
  },
  E_KEYS_SEALED: {
    title: t('errors.E_KEYS_SEALED.title'),
    next: t('errors.E_KEYS_SEALED.next'),
    messageSaysMore: true,
  },
  E_DATABASE_CORRUPT: {
    title: t('errors.E_DATABASE_CORRUPT.title'),
    next: t('errors.E_DATABASE_CORRUPT.next'),
  },
  E_DATA_INCOMPLETE: {
    title: t('errors.E_DATA_INCOMPLETE.title'),
    next: t('errors.E_DATA_INCOMPLETE.next'),
    messageSaysMore: true,
  },
  E_DATA_OWNER: {
    title: t('errors.E_DATA_OWNER.title'),
    next: t('errors.E_DATA_OWNER.next'),
    messageSaysMore: true,
  },
  E_DATABASE_BEHIND: {
    title: t('errors.E_DATABASE_BEHIND.title'),
    next: t('errors.E_DATABASE_BEHIND.next'),
    messageSaysMore: true,
  },
  E_KEYS_DAMAGED: {
    title: t('errors.E_KEYS_DAMAGED.title'),
    next: t('errors.E_KEYS_DAMAGED.next'),
    messageSaysMore: true,
  },
  E_PORT_IN_USE: {
    title: t('errors.E_PORT_IN_USE.title'),
    next: t('errors.E_PORT_IN_USE.next'),
  },
  E_UNREACHABLE: {
    title: t('errors.E_UNREACHABLE.title'),
    next: t('errors.E_UNREACHABLE.next'),
  },
  E_TIMEOUT: {
    title: t('errors.E_TIMEOUT.title'),
    next: t('errors.E_TIMEOUT.next'),
  },
  E_REPLY: {
    title: t('errors.E_REPLY.title'),
    next: t('errors.E_REPLY.next'),
  },
  E_CANCELED: {
    title: t('errors.E_CANCELED.title'),
    next: null,
  },
}

/** A failure as stores keep it and components show it. Plain data. */
export type Failure = {
  code: ClientErrorCode
  message: string
  details: ErrorDetail[]
  /** The situation, if the code has several. */
  reason?: ErrorReason
  params?: AnyValues
  /** Someone else changed the data first: their version is on screen, the user's edits are still in the form. */
  isOutdated?: boolean
}

const OUTDATED_NEXT = t('errors.outdated')

export type FailureText = { title: string; next: string | null }

/** Title and next step for people. */
export function failureText(failure: Failure): FailureText {
  const copy = ERROR_TEXT[failure.code]
  const message = reasonText(failure) ?? (copy.messageSaysMore ? failure.message : '')
  return {
    title: upperFirst(message) || copy.title,
    next: failure.isOutdated ? OUTDATED_NEXT : copy.next,
  }
}

/** The console's own text for the situation; null: it has none, or lacks a parameter. */
function reasonText({ reason, params = {} }: Failure): string | null {
  if (reason === undefined || !fits(ERROR_REASONS[reason], params)) return null
  return t.any(`errorReasons.${reason}`, params)
}

/** Whether a retry may succeed. Always true for failures that never reached the controller. */
export const mayRetry = (failure: Failure): boolean =>
  Object.hasOwn(ERRORS, failure.code) ? ERRORS[failure.code as ErrorCode].retryable : true

/** The message for one field (`/name`, `/custom_software/0/kind`), if the failure has one. */
export function fieldMessage(failure: Failure | null, path: string): string | undefined {
  const found = failure?.details.find((d) => d.path === path || d.path?.startsWith(`${path}/`))
  return found ? upperFirst(found.message) : undefined
}
