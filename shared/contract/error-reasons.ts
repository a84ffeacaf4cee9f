/**
 * The situations behind error codes that several share, each with its English text. A closed list: programs decide by these.
 * The console shows the same texts (renderer/ui/messages.en.ts), so they keep to the syntax of templates.ts.
 */
import { z } from 'zod'
import { UPDATE_OBSTACLES } from '../domain/coded-texts/updates.en.ts'
import type { ValuesOf } from '../domain/templates.ts'

const ILLEGAL_STATE = {
  deployment_ended: 'This deployment has ended already.',
  deployment_not_started: 'This deployment has not started yet. Cancel it instead.',
  deployment_not_running: 'This deployment is not running.',
  deployment_not_paused: 'This deployment is not paused.',
  deployment_canceling: 'This deployment is being cancelled. Retry once it has ended.',
  deployment_not_retryable: 'This deployment cannot be retried now.',
  target_not_failed: 'Only failed targets can be retried.',
  nothing_failed: 'No target of this deployment has failed.',
  no_restart_waits: 'No restart of this deployment is waiting or announced.',
  file_damaged:
    'The file of {software} is damaged on this controller. Upload it again under Software.',
  files_damaged:
    'The file of {software} is damaged on this controller, and of {n} more. Upload it again under Software.',
  file_missing:
    'The file of {software} is missing on this controller. Upload it again under Software.',
  files_missing:
    'The file of {software} is missing on this controller, and of {n} more. Upload it again under Software.',
  secrets_lost:
    'The secrets in the arguments of {software} can no longer be decrypted. Enter them again under Software.',
  device_working:
    'A deployment is still running on the old entry. Wait until it has ended, or cancel it.',
  device_not_the_same:
    'This PC does not match {device}: after a reinstallation, name and hardware must be the same and the old entry offline.',
  device_connecting: '{device} may be about to reconnect. Try again in a minute.',
  device_not_approved: 'This device is not approved.',
  device_installing: 'This PC is installing software right now.',
  agent_is_newest: 'This controller has no newer agent than {version} for this PC.',
  agent_updating: 'Its agent is already being updated.',
  ...UPDATE_OBSTACLES,
  /** `obstacle` is a sentence of an agent that sends no code. */
  agent_cannot_update: '{obstacle}',
  last_administrator: 'This is the last administrator who can sign in. Create another one first.',
  own_password: 'Change your own password in your account, where the old one is required.',
  keys_busy: 'The keys are being saved or changed right now.',
  check_running: 'A check is already running.',
} as const

const CONFLICT = {
  settings_outdated: 'A setting was changed by someone else in the meantime.',
  group_outdated: 'This group was changed by someone else in the meantime.',
  device_renamed: 'The name of this PC was changed to {name} in the meantime.',
  outdated: '{what} was changed by someone else in the meantime.',
  changed_together:
    'Another request changed the same thing at the same moment. Nothing was saved; try again.',
  username_taken: 'There is already a user named {name}.',
  group_name_taken: 'There is already a group named {name}.',
  installer_exists: '{software} has an installer for {platform} {arch} already.',
  different_file:
    'This file is not {file}: its SHA-256 differs. Nothing was stored. To use it anyway, add it as new software.',
  password_changed: 'The password has just been changed. Sign in again.',
  request_id_reused: 'This request_id was used for a different request.',
  answer_unreadable: 'This request was already carried out; its answer is no longer readable.',
} as const

const IN_USE = {
  used_by_deployment:
    '{what} is part of the deployment {deployment}, which has not ended. Wait until it ends, or cancel it.',
  used_by_deployments:
    '{what} is part of the deployment {deployment} and of {n} more, which have not ended. Wait until they end, or cancel them.',
  used_by_other_user:
    '{what} is part of a deployment of another user, which has not ended. Wait until it ends, or cancel it.',
  used_by_other_users:
    '{what} is part of a deployment of another user and of {n} more, which have not ended. Wait until they end, or cancel them.',
  group_used_by_deployment:
    'The group {what} is part of the deployment {deployment}, which has not ended. Wait until it ends, or cancel it.',
  group_used_by_deployments:
    'The group {what} is part of the deployment {deployment} and of {n} more, which have not ended. Wait until they end, or cancel them.',
  group_used_by_other_user:
    'The group {what} is part of a deployment of another user, which has not ended. Wait until it ends, or cancel it.',
  group_used_by_other_users:
    'The group {what} is part of a deployment of another user and of {n} more, which have not ended. Wait until they end, or cancel them.',
  file_being_sent:
    'The damaged file is being sent to a PC. Wait until that has finished, then upload it again.',
} as const

const REASONS_BY_CODE = {
  E_ILLEGAL_STATE: ILLEGAL_STATE,
  E_CONFLICT: CONFLICT,
  E_IN_USE: IN_USE,
} as const
/** Errors with these codes always have a reason. */
export type ReasonedCode = keyof typeof REASONS_BY_CODE

export const ERROR_REASONS = { ...ILLEGAL_STATE, ...CONFLICT, ...IN_USE } as const
export type ErrorReason = keyof typeof ERROR_REASONS
export const ErrorReason = z.enum(Object.keys(ERROR_REASONS) as [ErrorReason, ...ErrorReason[]])
export type ReasonParams<R extends ErrorReason> = ValuesOf<(typeof ERROR_REASONS)[R]>

export const codeOfReason = (reason: ErrorReason): ReasonedCode =>
  (Object.keys(REASONS_BY_CODE) as ReasonedCode[]).find((code) =>
    Object.hasOwn(REASONS_BY_CODE[code], reason),
  )!
