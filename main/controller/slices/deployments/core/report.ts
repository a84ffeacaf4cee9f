/**
 * What an agent's report changes in its target: with the plan, the pure core. Keyed by the attempt: a
 * repeated report is ignored, and a report never overwrites a newer attempt.
 */
import type {
  CommandReply,
  DeploymentProgress,
  DeploymentResult,
} from '#shared/contract/agent/link.ts'
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { refusedBy } from '#shared/domain/coded-texts/refused.ts'
import { INSTALLER_TIMEOUT_SECONDS } from '#shared/domain/defaults.ts'
import { DeferReason, type TargetReason } from '#shared/domain/reasons.ts'
import { eventsTo, isEnded } from '#shared/domain/target-state.ts'
import { isoTime } from '../../../base/context.ts'
import type { ReportedRow, TargetChange } from '../tables/rows.ts'
import { endColumns, NO_RESULT, resultColumns } from './coded-columns.ts'
import { NOTHING, type Judgement, type ReportContext, type ReportTimings } from './judgement.ts'
import { judgeResult } from './result.ts'
import { targetStateAfter, type Writes } from './writes.ts'

/** What a report says about one attempt; secrets in its texts are masked already. */
export type AttemptReport =
  | { kind: 'result'; body: DeploymentResult }
  | { kind: 'progress'; body: DeploymentProgress }
  /** The answer to the command, or the lack of one. */
  | { kind: 'reply'; reply: CommandReply | 'no_answer' }
  /** The command was not sent, because this agent cannot read it. */
  | { kind: 'unreadable'; text: CodedText }
  /** The agent was asked to stop an attempt that it never had, or no longer has. */
  | { kind: 'cancel_unknown' }
  /** The agent reconnected without it. */
  | { kind: 'missing_on_agent' }

const NOT_DEFERRED = { held_by: null, held_since_ms: null, ...NO_RESULT } as const

/** Whether `judgeReport` needs the context. The most frequent reports do not: plain progress. */
export const needsContext = (report: AttemptReport): boolean =>
  report.kind === 'result'
    ? report.body.status !== 'skipped'
    : report.kind === 'progress' && report.body.phase === 'installing'

/** The reason to store from a progress report: agents may send reasons that do not apply to the target's state. */
function reasonOf({ phase, reason }: DeploymentProgress): TargetReason | null {
  // The package has arrived; another installation on the PC has to finish first.
  if (phase === 'verifying') return reason === 'device_busy' ? 'device_busy' : 'verifying'
  // The installer has ended and the agent waits for processes it started, or the agent was restarted meanwhile.
  return reason === 'adopted' || reason === 'verifying' ? reason : null
}

/** Moves a target to the state that a report implies, through every state in between. */
function advance(
  target: ReportedRow,
  to: 'downloading' | 'installing',
  change: TargetChange,
  context: ReportContext | null,
  nowMs: number,
  timings: ReportTimings,
): Judgement {
  const events = eventsTo(target.deployment_status, to)
  if (events.length === 0) return { ...NOTHING, change }
  const seconds = context?.timeoutSeconds ?? INSTALLER_TIMEOUT_SECONDS
  const limitMs =
    to === 'downloading' ? timings.downloadLimitMs : seconds * 1000 + timings.installGraceMs
  return {
    ...NOTHING,
    events,
    change: {
      since: isoTime(nowMs),
      offered_at_ms: null,
      not_before_ms: null,
      deadline_ms: nowMs + limitMs,
      reason: null,
      started_at: target.started_at ?? isoTime(nowMs),
      ...change,
    },
  }
}

/**
 * The PC defers the attempt: the target returns to pending under the same attempt, because nothing was started. Other
 * deployments may use the device in the meantime.
 */
function hold(
  target: ReportedRow,
  by: DeferReason,
  nowMs: number,
  timings: ReportTimings,
): Judgement {
  const isPending = target.deployment_status === 'pending'
  return {
    ...NOTHING,
    events: isPending ? [] : ['requeued'],
    change: {
      reason: 'retry_later',
      ...resultColumns(coded(`held_${by}`, {})),
      held_by: by,
      held_since_ms: target.held_since_ms ?? nowMs,
      offered_at_ms: null,
      deadline_ms: null,
      not_before_ms: nowMs + timings.heldRetryMs,
      ...(!isPending && { since: isoTime(nowMs) }),
    },
    needsRun: true,
    freesDevice: true,
  }
}

/** An end that the controller concludes because the agent did not, or could not, report one. */
function conclude(
  status: 'failed' | 'skipped',
  reason: 'rejected_by_agent' | 'interrupted' | 'canceled',
  text: CodedText,
  nowMs: number,
): Judgement {
  const iso = isoTime(nowMs)
  return {
    ...NOTHING,
    events: [status],
    change: {
      reason,
      ...resultColumns(text),
      completed_at: iso,
      since: iso,
      offered_at_ms: null,
      deadline_ms: null,
    },
    end: { ended_at: iso, status, reason, ...endColumns(text) },
    needsRun: true,
    freesDevice: true,
  }
}

function judgeProgress(
  target: ReportedRow,
  body: DeploymentProgress,
  context: ReportContext | null,
  nowMs: number,
  timings: ReportTimings,
): Judgement {
  if (isEnded(target.deployment_status)) return NOTHING
  if (target.deployment_status === 'installing' && body.phase !== 'installing') return NOTHING // out of order
  // Once the installer runs, nothing holds it back any more.
  if (body.held_by && target.deployment_status !== 'installing')
    return hold(target, body.held_by, nowMs, timings)
  const change: TargetChange = {
    reason: reasonOf(body),
    ...(body.bytes !== undefined && { bytes: body.bytes }),
    ...(body.total_bytes !== undefined && { total_bytes: body.total_bytes }),
    // It works, so whatever kept it from working is over.
    ...(target.held_since_ms !== null && NOT_DEFERRED),
  }
  const to = body.phase === 'installing' ? 'installing' : 'downloading'
  return advance(target, to, change, context, nowMs, timings)
}

function judgeReply(
  target: ReportedRow,
  answer: CommandReply | 'no_answer',
  nowMs: number,
  timings: ReportTimings,
): Judgement {
  if (target.deployment_status !== 'pending') return NOTHING
  const held = DeferReason.safeParse(answer !== 'no_answer' && !answer.accepted && answer.why)
  if (held.success) return hold(target, held.data, nowMs, timings)
  if (answer === 'no_answer' || (!answer.accepted && isTemporary(answer.why))) {
    const waitMs = answer === 'no_answer' ? timings.offerRetryMs : timings.busyRetryMs
    return {
      ...NOTHING,
      change: { offered_at_ms: null, not_before_ms: nowMs + waitMs },
      needsRun: true,
    }
  }
  if (answer.accepted) return advance(target, 'downloading', {}, null, nowMs, timings)
  return conclude('failed', 'rejected_by_agent', refusedBy('refused', answer), nowMs)
}
/** Replayed: signed before the agent learned which sequences are old. The next command gets a new one. */
const isTemporary = (why: string): boolean => why === 'busy' || why === 'replayed'

/**
 * What this report changes. Pure.
 * @param target the attempt that it is about, and its target, with all earlier reports applied
 * @param context required if `needsContext`
 */
export function judgeReport(
  target: ReportedRow,
  report: AttemptReport,
  context: ReportContext | null,
  nowMs: number,
  timings: ReportTimings,
): Judgement {
  const isLive = target.live_attempt_id === target.attempt_id
  if (report.kind === 'result') return judgeResult(target, report.body, context, nowMs, timings)
  if (!isLive) return NOTHING
  switch (report.kind) {
    case 'progress':
      return judgeProgress(target, report.body, context, nowMs, timings)
    case 'reply':
      return judgeReply(target, report.reply, nowMs, timings)
    case 'unreadable':
      return target.deployment_status === 'pending'
        ? conclude('failed', 'rejected_by_agent', report.text, nowMs)
        : NOTHING
    case 'cancel_unknown':
      return isEnded(target.deployment_status)
        ? NOTHING
        : conclude('skipped', 'canceled', coded('canceled', {}), nowMs)
    case 'missing_on_agent':
      if (isEnded(target.deployment_status)) return NOTHING
      // Not accepted yet: it is offered again.
      if (target.deployment_status === 'pending')
        return {
          ...NOTHING,
          change: { offered_at_ms: null, not_before_ms: null, deadline_ms: null },
          needsRun: true,
        }
      return conclude('failed', 'interrupted', coded('attempt_forgotten', {}), nowMs)
  }
}

/** The attempt and its target after this judgement, for the next report about them. Pure. */
export const afterJudgement = (target: ReportedRow, judged: Judgement): ReportedRow => {
  const { change, end } = judged
  if (change === null && end === null) return target
  const { attempt_id, attempt, ...columns } = change ?? {}
  return {
    ...target,
    ...columns,
    ...(attempt_id !== undefined && { live_attempt_id: attempt_id }),
    ...(attempt !== undefined && { live_attempt: attempt }),
    deployment_status: targetStateAfter(target.deployment_status, judged.events),
    ...(end && { attempt_ended_at: end.ended_at, attempt_reason: end.reason }),
  }
}

/** What this judgement writes. Pure. */
export const writesOf = (target: ReportedRow, { events, change, end }: Judgement): Writes => ({
  targets: change ? [{ target, events, change }] : [],
  attempts: end ? [{ id: target.attempt_id, end }] : [],
  deployments: [],
})
