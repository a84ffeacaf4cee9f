/** Turns exit code, detection rule and circumstances into the result of an ended installer. Pure. */
import type { DeploymentResult, DeployPayload } from '#shared/contract/agent/link.ts'
import { explainExitCode } from '#shared/domain/exit-codes.ts'
import { formatExitCode } from '#shared/domain/windows-codes.ts'
import type { HeldBy, TargetReason } from '#shared/domain/reasons.ts'
import type { Presence } from '../install/installers.ts'
import { failedScript, asSentences, explainOutput } from '../install/tool-errors.ts'
import type { Exit } from '../supervisor/files.ts'
import type { Ending } from '../supervisor/client.ts'

export type Outcome = Pick<
  DeploymentResult,
  'status' | 'message' | 'error_details' | 'exit_code' | 'reason'
>

/** Nothing was started, and nothing may be started now: the hub will send it again later. */
export type Deferral = { status: 'deferred'; heldBy: HeldBy }

export const MESSAGE_LIMIT = 2_000
export const DETAILS_LIMIT = 16 * 1024
/** 128 + n, as shells report a signal. */
const SIGNAL_NUMBERS: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

export const failure = (reason: TargetReason, message: string, details?: string): Outcome => ({
  status: 'failed',
  reason,
  message: message.slice(0, MESSAGE_LIMIT),
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
  /** What else it changes on the PC, as a clause ("removed office 1.0"); null if nothing is known. */
  also?: string | null
}

function startFailure(error: NonNullable<Exit['start_error']>): Outcome {
  const hints: Record<string, string> = {
    ENOENT: 'The installer could not be started: it, or the program that runs it, does not exist.',
    EACCES: 'The installer could not be started: it may not be executed here.',
    EPERM: 'The installer could not be started: this needs more rights.',
    ENOEXEC: 'The installer could not be started: it is not a program of this PC.',
  }
  const reason = error.code === 'EPERM' ? 'permission' : 'install_failed'
  return failure(reason, hints[error.code] ?? 'The installer could not be started.', error.message)
}

export function conclude({
  payload,
  ending,
  presence,
  runsOn,
  asksRestart,
  lastLines,
  also = null,
}: Facts): Outcome {
  const isInstall = payload.action === 'install'
  const did = isInstall ? 'Installed' : 'Removed'
  /** Whether the rule confirms the requested state; null if it gives no answer. */
  const isSo =
    presence === null || presence === 'unknown' ? null : (presence === 'present') === isInstall
  const finds = presence === 'present' ? 'finds the software' : 'does not find the software'
  const sentences = (...parts: (string | null)[]): string => parts.filter(Boolean).join(' ')
  /** If the installer failed, how far it got is unknown. */
  const perhaps = also && `It may also have ${also}.`
  const despite = (what: string, exitCode?: number): Outcome => ({
    status: 'success',
    message: sentences(`${did}: ${what}, but the detection rule ${finds}.`, perhaps),
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
  })

  if (ending.kind === 'not_started')
    return failure(
      'internal',
      'The installer was not started: its supervisor ended before that, several times.',
    )
  if (ending.kind === 'unknown' || ending.exit.timed_out) {
    const timedOut = ending.kind === 'exited' || ending.timedOut
    const what = timedOut
      ? `the installer was stopped after its time-out of ${payload.timeout_seconds} s`
      : 'the installer was interrupted and its exit code is not known'
    if (isSo) return despite(what)
    const sentence = what[0]!.toUpperCase() + what.slice(1)
    return timedOut
      ? failure('timeout', sentences(`${sentence}.`, perhaps), lastLines)
      : failure(
          'interrupted',
          sentences(
            `${sentence}.`,
            isSo === null
              ? 'Check the software on this PC before you try again.'
              : `The detection rule ${finds}.`,
            perhaps,
          ),
          lastLines,
        )
  }

  const { exit } = ending
  if (exit.start_error) return startFailure(exit.start_error)
  if (exit.exit_code === null) {
    const signal = exit.signal ?? 'an unknown signal'
    if (isSo) return despite(`the installer was ended by ${signal}`)
    const number = SIGNAL_NUMBERS[signal]
    return {
      ...failure(
        'install_failed',
        sentences(`The installer was ended by ${signal}.`, perhaps),
        lastLines,
      ),
      ...(number === undefined ? {} : { exit_code: 128 + number }),
    }
  }

  const exitCode = exit.exit_code
  const { outcome, text } = explainExitCode(payload.kind, exitCode, payload.success_exit_codes)
  const toolError = explainOutput(payload.kind, lastLines)
  const badScript = failedScript(payload.kind, lastLines)
  /** The side effects of a success. */
  const besides = sentences(
    badScript && `Not all of it worked: ${asSentences(badScript)}`,
    also && `It also ${also}.`,
  )
  switch (outcome) {
    case 'success':
      if (isSo === false)
        return {
          ...failure(
            'not_detected',
            sentences(
              `The installer reported success (exit code ${formatExitCode(exitCode)}), but the detection rule ${finds}.`,
              runsOn ? 'What it started was still running.' : null,
              perhaps,
            ),
            lastLines,
          ),
          exit_code: exitCode,
        }
      return {
        status: 'success',
        ...(asksRestart ? { reason: 'reboot_pending' as const } : {}),
        message: sentences(
          `${did}.`,
          asksRestart ? 'A restart of this PC completes it: the package asks for one.' : null,
          besides,
          `Exit code ${formatExitCode(exitCode)}.`,
          presence === 'unknown' ? 'The detection rule could not be checked on this PC.' : null,
        ),
        exit_code: exitCode,
      }
    case 'success_reboot':
      return {
        status: 'success',
        reason: 'reboot_pending',
        message: sentences(
          `${did}. A restart of this PC completes it (exit code ${formatExitCode(exitCode)}).`,
          besides,
        ),
        exit_code: exitCode,
      }
    case 'retry_later':
    case 'failed':
      if (isSo)
        return despite(
          `the installer reported exit code ${formatExitCode(exitCode)}, ${text}`,
          exitCode,
        )
      return {
        ...failure(
          outcome === 'retry_later' ? 'retry_later' : (toolError.reason ?? 'install_failed'),
          sentences(
            `The installer failed with exit code ${formatExitCode(exitCode)}: ${text}.`,
            asSentences(toolError),
            perhaps,
          ),
          lastLines,
        ),
        exit_code: exitCode,
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

/** Checked before any work: whether there is nothing to do. */
export function nothingToDo(action: DeployPayload['action'], presence: Presence): Outcome | null {
  if (action === 'install' && presence === 'present')
    return {
      status: 'skipped',
      reason: 'already_installed',
      message: 'Already installed: the detection rule finds the software.',
    }
  if (action === 'uninstall' && presence === 'absent')
    return {
      status: 'skipped',
      reason: 'already_installed',
      message: 'Nothing to remove: the detection rule does not find the software.',
    }
  return null
}
