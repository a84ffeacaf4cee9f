/** Coded texts in the console's language. */
import type {
  Attempt,
  Deployment,
  PreflightTarget,
  Target,
} from '#shared/contract/rest/deployments.ts'
import type { CheckFinding } from '#shared/contract/rest/check.ts'
import type { AgentUpdate } from '#shared/contract/rest/devices.ts'
import type { TargetRestart } from '#shared/contract/rest/restarts.ts'
import { readCoded } from '#shared/domain/coded-texts/codes.ts'
import { composeWith } from '#shared/domain/coded-texts/compose.ts'
import { t } from '../texts.ts'

/** @param english the text beside the code, shown if the code is missing or unknown */
function shown(code: unknown, params: unknown, english: string | null | undefined): string | null {
  const text = readCoded(code, params)
  if (text === null) return english ?? null
  return composeWith(text, (key, values) => t.any(`coded.${key}`, values))
}

/** Null: there is no result yet. */
export const resultText = (
  target: Pick<Target, 'result_message' | 'result_code' | 'result_params'>,
): string | null => shown(target.result_code, target.result_params, target.result_message)
export const attemptText = (
  attempt: Pick<Attempt, 'message' | 'result_code' | 'result_params'>,
): string | null => shown(attempt.result_code, attempt.result_params, attempt.message)
export const pauseText = (
  deployment: Pick<Deployment, 'pause_message' | 'pause_code' | 'pause_params'>,
): string | null => shown(deployment.pause_code, deployment.pause_params, deployment.pause_message)
export const restartText = (
  restart: Pick<TargetRestart, 'message' | 'code' | 'params'>,
): string | null => shown(restart.code, restart.params, restart.message)
/** Why a PC cannot be restarted. */
export const restartNoteText = (
  target: Pick<PreflightTarget, 'restart_note' | 'restart_note_code' | 'restart_note_params'>,
): string | null => shown(target.restart_note_code, target.restart_note_params, target.restart_note)
export const updateText = (update: Pick<AgentUpdate, 'message' | 'code' | 'params'>): string =>
  shown(update.code, update.params, update.message) ?? ''
/** Several sentences; the English text if one of them is unknown. */
function sentences(codes: CheckFinding['text_codes'], english: string): string {
  const parts = codes?.map(({ code, params }) => shown(code, params, null)) ?? [null]
  return parts.includes(null) ? english : parts.join(' ')
}
export const findingText = (finding: Pick<CheckFinding, 'text' | 'text_codes'>): string =>
  sentences(finding.text_codes, finding.text)
export const cureText = (finding: Pick<CheckFinding, 'cure' | 'cure_codes'>): string =>
  sentences(finding.cure_codes, finding.cure)
export const previewText = (target: Pick<PreflightTarget, 'message' | 'code' | 'params'>): string =>
  shown(target.code, target.params, target.message) ?? target.message
