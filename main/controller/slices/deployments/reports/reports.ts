/**
 * How a report changes a target. Keyed by the attempt: a repeated report is ignored, and a report never overwrites a newer
 * attempt. Runs inside the recorder's transaction. How an attempt ends: results.ts.
 */
import type {
  CommandReply,
  DeploymentOutput,
  DeploymentProgress,
  DeploymentResult,
  ReportReply,
} from '#shared/contract/agent/link.ts'
import { INSTALLER_TIMEOUT_SECONDS } from '#shared/domain/defaults.ts'
import type { AttemptId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import { HeldBy, type TargetReason } from '#shared/domain/reasons.ts'
import { eventsTo, isEnded } from '#shared/domain/target-state.ts'
import { isoTime, type Log, type Now } from '../../../base/context.ts'
import type { FileFault } from '../../content/index.ts'
import type { SealedArguments } from '../../../base/sealed-arguments.ts'
import type { Changes } from '../changes.ts'
import type {
  DeploymentsRepo,
  InstallerRow,
  ReportedRow,
  TargetChange,
} from '../tables/deployments.repo.ts'
import { HELD_WORDS } from '../core/held-messages.ts'
import { createOutputMask } from './output-mask.ts'
import type { OutputsRepo } from '../tables/outputs.repo.ts'
import { createResults } from './results.ts'
import type { EngineTimings } from '../timings.ts'

export type Report = { deviceId: DeviceId } & (
  | { kind: 'result'; body: DeploymentResult }
  | { kind: 'progress'; body: DeploymentProgress }
  | { kind: 'output'; body: DeploymentOutput }
  | { kind: 'reply'; attemptId: AttemptId; reply: CommandReply | 'no_answer' }
  | { kind: 'lost'; targetId: TargetId }
)

/** The reason to store from a progress report: agents may send reasons that do not apply to the target's state. */
function reasonOf({ phase, reason }: DeploymentProgress): TargetReason | null {
  // The package has arrived; another installation on the PC has to finish first.
  if (phase === 'verifying') return reason === 'device_busy' ? 'device_busy' : 'verifying'
  // The installer has ended and the agent waits for processes it started, or the agent was restarted meanwhile.
  return reason === 'adopted' || reason === 'verifying' ? reason : null
}

const COMMITTED: ReportReply = { committed: true }
const NOT_HELD = { held_by: null, held_since_ms: null, result_message: null } as const

export function createReports(deps: {
  repo: DeploymentsRepo
  outputs: OutputsRepo
  sealed: SealedArguments
  fileFault: (installer: InstallerRow) => FileFault | null
  now: Now
  log: Log
  timings: EngineTimings
}) {
  const { repo, timings } = deps
  const secrets = createOutputMask(deps)
  const result = createResults({ ...deps, secrets })
  const nowIso = () => isoTime(deps.now())

  /** Moves a target to the state that a report implies, through every state in between, in one write. */
  function advance(
    target: ReportedRow,
    to: 'downloading' | 'installing',
    change: TargetChange,
    changes: Changes,
  ): void {
    const events = eventsTo(target.deployment_status, to)
    if (events.length === 0) return repo.change(target, change)
    repo.step(target, events, {
      since: nowIso(),
      offered_at_ms: null,
      not_before_ms: null,
      deadline_ms: deps.now() + timeoutMs(target, to),
      reason: null,
      started_at: target.started_at ?? nowIso(),
      ...change,
    })
    changes.moved(target)
  }
  /** How long the state may last, in ms. */
  function timeoutMs(target: ReportedRow, state: 'downloading' | 'installing'): number {
    if (state === 'downloading') return timings.downloadPatienceMs
    const own = repo.byId(target.deployment_id)?.timeout_seconds
    const installer = target.installer_id === null ? undefined : repo.installer(target.installer_id)
    const seconds = own ?? installer?.timeout_seconds ?? INSTALLER_TIMEOUT_SECONDS
    return seconds * 1000 + timings.installGraceMs
  }

  function progress(deviceId: DeviceId, body: DeploymentProgress, changes: Changes): ReportReply {
    const target = repo.reported(body.attempt_id)
    if (target?.device_id !== deviceId || target.live_attempt_id !== body.attempt_id)
      return COMMITTED
    if (isEnded(target.deployment_status)) return COMMITTED
    if (target.deployment_status === 'installing' && body.phase !== 'installing') return COMMITTED // out of order
    if (body.held_by) {
      hold(target, body.held_by, changes)
      return COMMITTED
    }
    const change: TargetChange = {
      reason: reasonOf(body),
      ...(body.bytes !== undefined && { bytes: body.bytes }),
      ...(body.total_bytes !== undefined && { total_bytes: body.total_bytes }),
      // It works, so whatever kept it from working is over.
      ...(target.held_since_ms !== null && NOT_HELD),
    }
    advance(target, body.phase === 'installing' ? 'installing' : 'downloading', change, changes)
    changes.target(target.deployment_id, target.id)
    return COMMITTED
  }

  function output(deviceId: DeviceId, body: DeploymentOutput, changes: Changes): ReportReply {
    const attempt = repo.attempt(body.attempt_id)
    const target = attempt && repo.reported(body.attempt_id)
    if (!attempt || target?.device_id !== deviceId) return COMMITTED
    const text = secrets.append(target, attempt, body)
    if (text !== null)
      changes.output(target.deployment_id, {
        deployment_id: target.deployment_id,
        target_id: target.id,
        attempt: attempt.attempt,
        seq: body.seq,
        text,
      })
    return COMMITTED
  }

  /**
   * The PC may not work now: the target returns to pending under the same attempt, because nothing was started. Other
   * deployments may use the device in the meantime.
   */
  function hold(target: ReportedRow, by: HeldBy, changes: Changes): void {
    const change: TargetChange = {
      reason: 'retry_later',
      result_message: HELD_WORDS[by].waits,
      held_by: by,
      held_since_ms: target.held_since_ms ?? deps.now(),
      offered_at_ms: null,
      deadline_ms: null,
      not_before_ms: deps.now() + timings.heldRetryMs,
    }
    if (target.deployment_status === 'pending') repo.change(target, change)
    else repo.step(target, 'requeued', { ...change, since: nowIso() })
    changes.moved(target)
    changes.owing.add(target.deployment_id)
    changes.freed.add(target.device_id)
  }

  /** A failure that the controller concludes because the agent did not, or could not, report one. */
  function giveUp(
    target: Pick<ReportedRow, 'id' | 'deployment_id' | 'device_id' | 'deployment_status'>,
    attemptId: AttemptId | null,
    reason: 'rejected_by_agent' | 'interrupted',
    message: string,
    changes: Changes,
  ): void {
    if (attemptId)
      repo.endAttempt(attemptId, { ended_at: nowIso(), status: 'failed', reason, message })
    repo.step(target, 'failed', {
      reason,
      result_message: message,
      completed_at: nowIso(),
      since: nowIso(),
      offered_at_ms: null,
      deadline_ms: null,
    })
    changes.moved(target)
    changes.owing.add(target.deployment_id)
    changes.freed.add(target.device_id)
  }

  /** The agent's answer to a command, or the lack of one. */
  function reply(
    attemptId: AttemptId,
    answer: CommandReply | 'no_answer',
    changes: Changes,
  ): ReportReply {
    const target = repo.reported(attemptId)
    if (target?.live_attempt_id !== attemptId || target.deployment_status !== 'pending')
      return COMMITTED
    const held = HeldBy.safeParse(answer !== 'no_answer' && !answer.accepted && answer.why)
    if (held.success) hold(target, held.data, changes)
    else if (answer !== 'no_answer' && answer.accepted) advance(target, 'downloading', {}, changes)
    else if (answer === 'no_answer' || answer.why === 'busy' || answer.why === 'replayed') {
      // Replayed: signed before the agent learned which sequences are old. The next command gets a new one.
      repo.change(target, {
        offered_at_ms: null,
        not_before_ms:
          deps.now() + (answer === 'no_answer' ? timings.offerRetryMs : timings.busyRetryMs),
      })
      changes.moved(target)
      changes.owing.add(target.deployment_id)
    } else
      giveUp(
        target,
        attemptId,
        'rejected_by_agent',
        `The agent refused the command: ${secrets.without(target, answer.message)}`,
        changes,
      )
    return COMMITTED
  }

  /** The agent reconnected without an attempt that it had accepted: nobody will ever report on it. */
  function lost(targetId: TargetId, changes: Changes): ReportReply {
    const target = repo.target(targetId)
    if (target?.deployment_status === 'downloading' || target?.deployment_status === 'installing')
      giveUp(
        target,
        target.attempt_id,
        'interrupted',
        'The agent no longer knows this attempt. Whether the installer ended is not known.',
        changes,
      )
    return COMMITTED
  }

  /** @throws IllegalStep, or what the store throws; the recorder then rolls back */
  return (report: Report, changes: Changes): ReportReply => {
    switch (report.kind) {
      case 'result':
        return result(report.deviceId, report.body, changes)
      case 'progress':
        return progress(report.deviceId, report.body, changes)
      case 'output':
        return output(report.deviceId, report.body, changes)
      case 'reply':
        return reply(report.attemptId, report.reply, changes)
      case 'lost':
        return lost(report.targetId, changes)
    }
  }
}
