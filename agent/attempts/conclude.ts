/** Computes the result of an ended installer from its exit code, the detection rule and the circumstances. Pure. */
import type { DeploymentResult, DeployPayload } from '#shared/contract/agent/link.ts'
import { coded, type CodedText, type Effects } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { explainExitCode } from '#shared/domain/exit-codes.ts'
import type { DeferReason, TargetReason } from '#shared/domain/reasons.ts'
import type { Presence } from '../install/installers.ts'
import { failedScript, explainOutput, wordsOf } from '../install/tool-errors.ts'
import type { Exit } from '../supervisor/files.ts'
import type { Ending } from '../supervisor/client.ts'

export type Outcome = Pick<
  DeploymentResult,
  'status' | 'message' | 'result_code' | 'result_params' | 'error_details' | 'exit_code' | 'reason'
>

/** Nothing was started, and nothing may be started now: the hub will send it again later. */
export type Deferral = { status: 'deferred'; deferReason: DeferReason }

export const DETAILS_LIMIT = 16 * 1024
/** 128 + n, as shells report a signal. */
const SIGNAL_NUMBERS: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

/** The text of an outcome, with its code. */
export const withMessage = (text: CodedText) => ({
  message: compose(text),
  result_code: text.code,
  result_params: text.params,
})

export const failure = (reason: TargetReason, text: CodedText, details?: string): Outcome => ({
  status: 'failed',
  reason,
  ...withMessage(text),
  ...(details ? { error_details: details.slice(-DETAILS_LIMIT) } : {}),
})

type Facts = {
  payload: Pick<DeployPayload, 'action' | 'kind' | 'success_exit_codes' | 'timeout_seconds'>
  ending: Ending
  /** Of the software, after the installer; null if the command has no rule. */
  presence: Presence | null
  /** Whether something that the installer left behind was still running at the last detection. */
  runsOn?: boolean
  /** The installer requested a restart from the system, not by its exit code. */
  asksRestart: boolean
  /** The last lines of the output. */
  lastLines: string
  /** What else it changes on the PC, as far as known. */
  effects?: Effects | undefined
}

const START_FAILURES = {
  ENOENT: 'installer_not_found',
  EACCES: 'installer_not_executable',
  EPERM: 'installer_needs_rights',
  ENOEXEC: 'installer_not_a_program',
} as const
function startFailure({ code, message }: NonNullable<Exit['start_error']>): Outcome {
  const reason = code === 'EPERM' ? 'permission' : 'install_failed'
  const known = Object.hasOwn(START_FAILURES, code)
    ? START_FAILURES[code as keyof typeof START_FAILURES]
    : 'installer_not_started'
  return failure(reason, coded(known, {}), message)
}

export function conclude({
  payload,
  ending,
  presence,
  runsOn,
  asksRestart,
  lastLines,
  effects = {},
}: Facts): Outcome {
  const { kind } = payload
  const isInstall = payload.action === 'install'
  const did = isInstall ? 'installed' : 'removed'
  /** Whether the rule confirms the requested state; null if it gives no answer. */
  const isSo =
    presence === null || presence === 'unknown' ? null : (presence === 'present') === isInstall
  const success = (text: CodedText, exitCode?: number): Outcome => ({
    status: 'success',
    ...withMessage(text),
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
  })

  if (ending.kind === 'not_started') return failure('internal', coded('supervisor_ended', {}))
  if (ending.kind === 'unknown' || ending.exit.timed_out) {
    const timedOut = ending.kind === 'exited' || ending.timedOut
    const timeout = { seconds: payload.timeout_seconds, ...effects }
    if (isSo)
      return success(
        timedOut
          ? coded(`${did}_despite_timeout`, timeout)
          : coded(`${did}_despite_interruption`, effects),
      )
    if (timedOut) return failure('timeout', coded('timed_out', timeout), lastLines)
    const finds = presence === 'present' ? 'rule_finds' : 'rule_finds_not'
    const rule = isSo === null ? 'rule_unknown' : finds
    return failure('interrupted', coded('interrupted', { rule, ...effects }), lastLines)
  }

  const { exit } = ending
  if (exit.start_error) return startFailure(exit.start_error)
  if (exit.exit_code === null) {
    const signal = { signal: exit.signal ?? undefined, ...effects }
    if (isSo) return success(coded(`${did}_despite_signal`, signal))
    const number = SIGNAL_NUMBERS[exit.signal ?? '']
    return {
      ...failure('install_failed', coded('ended_by_signal', signal), lastLines),
      ...(number === undefined ? {} : { exit_code: 128 + number }),
    }
  }

  const { exit_code } = exit
  const { outcome } = explainExitCode(kind, exit_code, payload.success_exit_codes)
  const badScript = failedScript(kind, lastLines)
  /** What a success left unfinished or changed besides. */
  const besides = { ...(badScript && wordsOf(badScript)), ...effects }
  switch (outcome) {
    case 'success':
      if (isSo === false)
        return {
          ...failure(
            'not_detected',
            coded(isInstall ? 'not_detected' : 'still_detected', {
              exit_code,
              left_running: runsOn ? 1 : undefined,
              ...effects,
            }),
            lastLines,
          ),
          exit_code,
        }
      return {
        ...success(
          coded(did, {
            exit_code,
            asks_restart: asksRestart ? 1 : undefined,
            rule_unchecked: presence === 'unknown' ? 1 : undefined,
            ...besides,
          }),
          exit_code,
        ),
        ...(asksRestart ? { reason: 'reboot_pending' as const } : {}),
      }
    case 'success_reboot':
      return {
        ...success(coded(`${did}_restart`, { exit_code, ...besides }), exit_code),
        reason: 'reboot_pending',
      }
    case 'retry_later':
    case 'failed': {
      if (isSo)
        return success(
          coded(`${did}_despite_exit_code`, { kind, exit_code, ...effects }),
          exit_code,
        )
      const toolError = explainOutput(kind, lastLines)
      const text = coded(did === 'removed' ? 'removal_failed' : 'installer_failed', {
        kind,
        exit_code,
        ...wordsOf(toolError),
        ...effects,
      })
      const reason =
        outcome === 'retry_later' ? 'retry_later' : (toolError.reason ?? 'install_failed')
      return { ...failure(reason, text, lastLines), exit_code }
    }
  }
}

/** Whether the exit code means success, with or without a restart. */
export const isSuccess = (
  payload: Pick<DeployPayload, 'kind' | 'success_exit_codes'>,
  ending: Ending,
): boolean =>
  ending.kind === 'exited' &&
  ending.exit.exit_code !== null &&
  ['success', 'success_reboot'].includes(
    explainExitCode(payload.kind, ending.exit.exit_code, payload.success_exit_codes).outcome,
  )

/** Call it before any work: the outcome if there is nothing to do, otherwise null. */
export function outcomeIfNothingToDo(
  action: DeployPayload['action'],
  presence: Presence,
): Outcome | null {
  if (action === 'install' && presence === 'present')
    return {
      status: 'skipped',
      reason: 'already_installed',
      ...withMessage(coded('already_installed', {})),
    }
  if (action === 'uninstall' && presence === 'absent')
    return {
      status: 'skipped',
      reason: 'already_installed',
      ...withMessage(coded('nothing_to_remove', {})),
    }
  return null
}
