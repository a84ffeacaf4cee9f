/** What the result of an attempt means: an end, another attempt, or a late result for one that was given up. Pure. */
import type { DeploymentResult } from '#shared/contract/agent/link.ts'
import { coded, forOneUser, MESSAGE_LIMIT, readCoded } from '#shared/domain/coded-texts/codes.ts'
import { ENGLISH } from '#shared/domain/coded-texts/compose.ts'
import {
  verdict,
  type DeploymentEvent,
  type DeploymentState,
  type TargetCounts,
} from '#shared/domain/deployment-state.ts'
import { FAILURE_REASONS, SKIP_REASONS, type TargetReason } from '#shared/domain/reasons.ts'
import { eventsTo, isEnded, type TargetEvent } from '#shared/domain/target-state.ts'
import { isoTime } from '../../../base/context.ts'
import type { ReportedRow, TargetChange } from '../tables/rows.ts'
import { endColumns, NO_CODE, resultColumns } from './coded-columns.ts'
import { NOTHING, type Judgement, type ReportContext, type ReportTimings } from './judgement.ts'

/** The reason of a failed target comes from the closed list for failures, whatever the agent sent. */
const failureReason = (sent: TargetReason | undefined): TargetReason =>
  (FAILURE_REASONS as readonly string[]).includes(sent ?? '') ? sent! : 'install_failed'
const skipReason = (sent: TargetReason | undefined): TargetReason =>
  (SKIP_REASONS as readonly string[]).includes(sent ?? '') ? sent! : 'already_installed'
const resultReason = ({ status, reason }: DeploymentResult): TargetReason | null => {
  if (status === 'failed') return failureReason(reason)
  if (status === 'skipped') return skipReason(reason)
  return reason === 'reboot_pending' ? 'reboot_pending' : null
}

/**
 * The text of a result: composed if this version knows the agent's code, else as the agent wrote it. The agent does not know
 * for whom an installer installs, so that is added here.
 */
function reported(body: DeploymentResult, context: ReportContext | null) {
  const isForOneUser = body.status === 'success' && context?.isForOneUser
  const read = readCoded(body.result_code, body.result_params)
  if (read) {
    const text = isForOneUser ? forOneUser(read) : read
    return { ofTarget: resultColumns(text), ofAttempt: endColumns(text) }
  }
  const message = isForOneUser
    ? `${body.message} ${ENGLISH.for_one_user}`.slice(0, MESSAGE_LIMIT)
    : body.message
  return { ofTarget: { result_message: message, ...NO_CODE }, ofAttempt: { message, ...NO_CODE } }
}

/**
 * "Another installation is running" does not end the target: a new attempt follows after a while, up to a deadline of its own.
 * Null when the result is something else, or no further attempt is wanted.
 */
function retryLater(
  target: ReportedRow,
  body: DeploymentResult,
  context: ReportContext | null,
  nowMs: number,
  timings: ReportTimings,
): TargetChange | null {
  if (body.status !== 'failed' || body.reason !== 'retry_later') return null
  const untilMs = target.retry_until_ms ?? nowMs + timings.retryLaterLimitMs
  const notBeforeMs = nowMs + timings.retryLaterMs
  if (notBeforeMs > untilMs || context?.isCanceling) return null
  return {
    attempt: target.live_attempt + 1,
    attempt_id: null,
    reason: 'retry_later',
    ...reported(body, context).ofTarget,
    exit_code: body.exit_code ?? null,
    since: isoTime(nowMs),
    bytes: null,
    offered_at_ms: null,
    deadline_ms: null,
    not_before_ms: notBeforeMs,
    retry_until_ms: untilMs,
  }
}

/**
 * A package could not be fetched, or did not match, because of the controller's own copy: the target says so. The agent's
 * report stays in the details.
 */
function withFileFault(ending: TargetChange, fault: ReportContext['fileFault']): TargetChange {
  if (!fault || (ending.reason !== 'integrity' && ending.reason !== 'download_failed'))
    return ending
  return {
    ...ending,
    error_details: ending.error_details ?? ending.result_message ?? null,
    ...resultColumns(coded(`file_${fault}`, {})),
    reason: fault === 'damaged' ? 'integrity' : ending.reason,
  }
}

/** How the target ends. */
function endingOf(
  target: ReportedRow,
  body: DeploymentResult,
  context: ReportContext | null,
  nowMs: number,
): TargetChange {
  const iso = isoTime(nowMs)
  const ending: TargetChange = {
    reason: resultReason(body),
    ...reported(body, context).ofTarget,
    error_details: body.error_details ?? null,
    exit_code: body.exit_code ?? null,
    started_at: target.started_at ?? iso,
    completed_at: iso,
    since: iso,
    deadline_ms: null,
    not_before_ms: null,
    offered_at_ms: null,
  }
  return body.status === 'failed' ? withFileFault(ending, context?.fileFault ?? null) : ending
}

export function judgeResult(
  target: ReportedRow,
  body: DeploymentResult,
  context: ReportContext | null,
  nowMs: number,
  timings: ReportTimings,
): Judgement {
  const isLive = target.live_attempt_id === target.attempt_id
  const wasGivenUp =
    isLive && target.deployment_status === 'failed' && target.reason === 'lease_expired'
  const isRecorded = target.attempt_ended_at !== null
  if (isRecorded && !(wasGivenUp && target.attempt_reason === 'lease_expired')) return NOTHING

  const mayTryAgain = isLive && !isEnded(target.deployment_status)
  const again = mayTryAgain ? retryLater(target, body, context, nowMs, timings) : null
  const end = {
    ended_at: isoTime(nowMs),
    status: body.status,
    reason: again ? ('retry_later' as const) : resultReason(body),
    ...reported(body, context).ofAttempt,
    exit_code: body.exit_code ?? null,
  }
  // Kept in the history of attempts; the target has moved on, or has ended.
  const isOver = isEnded(target.deployment_status) && !wasGivenUp
  if (!isLive || isOver) return { ...NOTHING, end }
  const judged = { ...NOTHING, end, needsRun: true, freesDevice: true }
  if (again) {
    const events: TargetEvent[] = [...eventsTo(target.deployment_status, 'failed'), 'retried']
    return { ...judged, events, change: again }
  }
  const change = endingOf(target, body, context, nowMs)
  const hasWrongHash = change.reason === 'integrity'
  if (!wasGivenUp) {
    const state = body.status === 'success' ? 'completed' : body.status
    return { ...judged, events: eventsTo(target.deployment_status, state), change, hasWrongHash }
  }
  // A late skip means that this attempt installed nothing: like a failure it leaves the outcome as it was, and a failed
  // target never carries the reason of a skip.
  if (body.status === 'skipped') change.reason = 'lease_expired'
  const events: TargetEvent[] = [body.status === 'success' ? 'late_success' : 'late_failure']
  return { ...judged, events, change, hasWrongHash, recomputesOutcome: true }
}

/** The transition of an ended deployment after a late result; null: its outcome stands. Pure. */
export function recounted(status: DeploymentState, counts: TargetCounts): DeploymentEvent | null {
  const now = verdict(counts, false)
  if (status === 'failed' && now === 'partial') return 'recounted_partial'
  if ((status === 'failed' || status === 'partial') && now === 'completed')
    return 'recounted_completed'
  return null
}
