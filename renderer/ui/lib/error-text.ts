/** Title and next step for each error code. Behaviour depends on the code, never on the text. */
import { ERRORS } from '#shared/contract/errors.ts'
import type { ErrorCode, ErrorDetail } from '#shared/contract/errors.ts'

/** Failures that never reached the controller, or whose reply was unreadable. */
export const LOCAL_CODES = ['E_UNREACHABLE', 'E_TIMEOUT', 'E_REPLY', 'E_CANCELED'] as const
export type LocalCode = (typeof LOCAL_CODES)[number]
export type ClientErrorCode = ErrorCode | LocalCode

/** The controller's own message is more specific than a general sentence (which field, which name): show it. */
type Copy = { title: string; next: string | null; messageSaysMore?: boolean }

export const ERROR_TEXT: Record<ClientErrorCode, Copy> = {
  E_VALIDATION: { title: 'Something in the form is not right', next: null, messageSaysMore: true },
  E_MALFORMED: { title: 'The request could not be read', next: 'Reload the console.' },
  E_NO_TARGETS: {
    title: 'Nothing to deploy to',
    next: 'Choose at least one PC or a group that has PCs.',
  },
  E_URL_INVALID: {
    title: 'The download address cannot be used',
    next: 'Use an http or https address without a password in it.',
    messageSaysMore: true,
  },
  E_PACKAGE_UNREADABLE: {
    title: 'The file is not a readable installer',
    next: 'Fetch it again: it may be cut off.',
    messageSaysMore: true,
  },
  E_PACKAGE_LIMIT: {
    title: 'The file takes too much time or memory to inspect',
    next: 'A sound installer does not. Fetch it again from its maker.',
    messageSaysMore: true,
  },
  E_UPLOAD_ABORTED: { title: 'The upload was cut off', next: 'Try again.' },
  E_UNAUTHENTICATED: { title: 'You are signed out', next: 'Sign in again.' },
  E_CREDENTIALS: { title: 'Wrong user name or password', next: null },
  E_PASSPHRASE: {
    title: 'This is not the passphrase of the recovery file',
    next: 'It is the one that was chosen when the first recovery file was saved.',
  },
  E_RECOVERY_FILE: {
    title: 'This recovery file cannot be used',
    next: 'Choose another file.',
    messageSaysMore: true,
  },
  E_ACCOUNT_DISABLED: { title: 'This account is disabled', next: 'Ask an administrator.' },
  E_PASSWORD_CHANGE_NEEDED: {
    title: 'Choose a password of your own first',
    next: 'Sign in again.',
  },
  E_OLD_PASSWORD: { title: 'The old password is wrong', next: null },
  E_FORBIDDEN: { title: 'Your account may not do this', next: 'Ask an administrator.' },
  E_ORIGIN: {
    title: 'This address may not talk to the controller',
    next: 'Open the console at the address that the controller prints.',
  },
  E_SETUP_CODE: {
    title: 'This is not the setup code',
    next: 'Copy it from the output of the program that runs the controller, or make the account in the window of the DeployX app.',
  },
  E_SETUP_LOOPBACK_ONLY: {
    title: 'The first account is made on the controller’s own computer',
    next: 'Open the console there.',
    messageSaysMore: true,
  },
  E_ENROLLMENT_CODE: { title: 'The code is not valid', next: 'Make a new one.' },
  E_DEVICE_REFUSED: { title: 'The PC was refused', next: null, messageSaysMore: true },
  E_NOT_FOUND: {
    title: 'This does not exist any more',
    next: 'It was removed, or belongs to somebody else.',
  },
  E_SETUP_DONE: { title: 'The first account exists already', next: 'Sign in.' },
  E_CONFLICT: { title: 'That is taken already', next: null, messageSaysMore: true },
  E_ILLEGAL_STATE: {
    title: 'Not possible in the present state',
    next: null,
    messageSaysMore: true,
  },
  E_IN_USE: {
    title: 'In use',
    next: null,
    messageSaysMore: true,
  },
  E_AGENT_OFFLINE: { title: 'The PC is offline', next: 'Switch it on, then try again.' },
  E_TOO_LARGE: { title: 'Too large', next: null, messageSaysMore: true },
  E_MEDIA_TYPE: {
    title: 'This kind of file is not an installer',
    next: 'DeployX takes msi, exe, ps1, cmd, deb, rpm, sh, AppImage, pkg and dmg.',
  },
  E_RANGE: { title: 'That part of the file does not exist', next: null },
  E_RATE_LIMITED: { title: 'Too many attempts', next: null, messageSaysMore: true },
  E_INTERNAL: { title: 'A fault in the controller', next: 'Try again. Details are in its log.' },
  E_DATABASE: {
    title: 'A fault in the controller’s database',
    next: 'Try again. Details are in its log.',
  },
  E_DISK_FULL: { title: 'The controller’s disk is full', next: 'Free some space, then try again.' },
  E_BUSY: {
    title: 'The controller’s database is locked by another program',
    next: 'Nothing was changed. Try again in a moment.',
  },
  E_STORAGE: {
    title: 'The controller’s disk reports an error',
    next: null,
    messageSaysMore: true,
  },
  E_DATA_LOCKED: {
    title: 'Another controller uses this data folder',
    next: 'Close the other one.',
  },
  E_DATA_UNWRITABLE: { title: 'The data folder cannot be written', next: 'Check its permissions.' },
  E_KEYS_SEALED: {
    title: 'The keystore does not give out the keys',
    next: 'Unlock it and start DeployX again.',
    messageSaysMore: true,
  },
  E_DATABASE_CORRUPT: { title: 'The database is damaged', next: 'Restore a backup.' },
  E_DATA_INCOMPLETE: {
    title: 'The database is missing or empty',
    next: 'Restore a recovery file or a backup.',
    messageSaysMore: true,
  },
  E_DATA_OWNER: {
    title: 'The data folder is open to other users',
    next: 'Close it, or choose another data folder.',
    messageSaysMore: true,
  },
  E_DATABASE_BEHIND: {
    title: 'The database lost its latest changes',
    next: 'Put the missing file back, or restore a recovery file.',
    messageSaysMore: true,
  },
  E_KEYS_DAMAGED: {
    title: 'The controller’s keys are damaged',
    next: 'Restore a recovery file.',
    messageSaysMore: true,
  },
  E_PORT_IN_USE: {
    title: 'The port is taken',
    next: 'Close the program that uses it or choose another port.',
  },
  E_UNREACHABLE: {
    title: 'The controller does not answer',
    next: 'Check that it runs, then try again.',
  },
  E_TIMEOUT: { title: 'The controller took too long to answer', next: 'Try again.' },
  E_REPLY: {
    title: 'The controller’s answer could not be read',
    next: 'Console and controller may be of different versions: reload.',
  },
  E_CANCELED: { title: 'Cancelled', next: null },
}

/** A failure as stores keep it and components show it. Plain data. */
export type Failure = {
  code: ClientErrorCode
  message: string
  details: ErrorDetail[]
  /** Someone else changed the data first: their version is on screen, the user's edits are still in the form. */
  isOutdated?: boolean
}

const OUTDATED_NEXT = 'What stands there now is shown. Look at it, then save again or leave it.'

export type FailureText = { title: string; next: string | null }

/** Title and next step for people. */
export function failureText(failure: Failure): FailureText {
  const copy = ERROR_TEXT[failure.code]
  const detail = copy.messageSaysMore && failure.message ? upperFirst(failure.message) : null
  return { title: detail ?? copy.title, next: failure.isOutdated ? OUTDATED_NEXT : copy.next }
}

const upperFirst = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** Whether a retry may succeed. Always true for failures that never reached the controller. */
export const mayRetry = (failure: Failure): boolean =>
  Object.hasOwn(ERRORS, failure.code) ? ERRORS[failure.code as ErrorCode].retryable : true

/** The message for one field (`/name`, `/custom_software/0/kind`), if the failure has one. */
export function fieldMessage(failure: Failure | null, path: string): string | undefined {
  const found = failure?.details.find((d) => d.path === path || d.path?.startsWith(`${path}/`))
  return found ? upperFirst(found.message) : undefined
}
