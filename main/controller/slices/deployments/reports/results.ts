/** How the result of an attempt changes its target: an end, another attempt, or a late result for one that was given up. */
import type { DeploymentResult, ReportReply } from '#shared/contract/agent/link.ts'
import { verdict } from '#shared/domain/deployment-state.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { FAILURE_REASONS, SKIP_REASONS, type TargetReason } from '#shared/domain/reasons.ts'
import { eventsTo, isEnded } from '#shared/domain/target-state.ts'
import { isoTime, type Log, type Now } from '../../../base/context.ts'
import type { Changes } from '../changes.ts'
import type { FileFault } from '../../content/index.ts'
import type {
  DeploymentsRepo,
  InstallerRow,
  ReportedRow,
  TargetChange,
} from '../tables/deployments.repo.ts'
import { FILE_DAMAGED, FILE_MISSING } from './file-faults.ts'
import type { OutputMask } from './output-mask.ts'
import type { EngineTimings } from '../timings.ts'

const COMMITTED: ReportReply = { committed: true }

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

export function createResults(deps: {
  repo: DeploymentsRepo
  secrets: Pick<OutputMask, 'ofResult' | 'ended'>
  /** Why this installer's file cannot be sent, as far as known. */
  fileFault: (installer: InstallerRow) => FileFault | null
  now: Now
  log: Log
  timings: EngineTimings
}) {
  const { repo, timings } = deps
  const nowIso = () => isoTime(deps.now())

  /**
   * "Another installation is running" does not end the target: a new attempt follows after a while, up to a deadline of its own.
   * Null when the result is something else, or no further attempt is wanted.
   */
  function retryLater(target: ReportedRow, body: DeploymentResult): TargetChange | null {
    if (body.status !== 'failed' || body.reason !== 'retry_later') return null
    const untilMs = target.retry_until_ms ?? deps.now() + timings.retryLaterPatienceMs
    const notBeforeMs = deps.now() + timings.retryLaterMs
    if (notBeforeMs > untilMs || repo.byId(target.deployment_id)?.canceling) return null
    return {
      attempt: target.live_attempt + 1,
      attempt_id: null,
      reason: 'retry_later',
      result_message: body.message,
      exit_code: body.exit_code ?? null,
      since: nowIso(),
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
  function blameFile(target: ReportedRow, ending: TargetChange): void {
    if (ending.reason !== 'integrity' && ending.reason !== 'download_failed') return
    const installer = target.installer_id === null ? undefined : repo.installer(target.installer_id)
    const fault = installer && deps.fileFault(installer)
    if (!fault) return
    ending.error_details ??= ending.result_message ?? null
    ending.result_message = fault === 'damaged' ? FILE_DAMAGED : FILE_MISSING
    if (fault === 'damaged') ending.reason = 'integrity'
  }

  /** Updates the outcome of an ended deployment after a late result. */
  function recount(target: ReportedRow, changes: Changes): void {
    const deployment = repo.byId(target.deployment_id)!
    if (deployment.status !== 'failed' && deployment.status !== 'partial') return
    const now = verdict(repo.counts(deployment.id), false)
    if (now === 'completed' || now === 'partial') repo.update(deployment.id, { status: now })
    changes.deployment(deployment.id)
  }

  /** Runs inside the recorder's transaction. */
  return function result(
    deviceId: DeviceId,
    sent: DeploymentResult,
    changes: Changes,
  ): ReportReply {
    const target = repo.reported(sent.attempt_id)
    const body = target ? deps.secrets.ofResult(target, sent) : sent
    if (target?.device_id !== deviceId) {
      deps.log.warn(
        { deviceId, targetId: body.target_id },
        'a result for an attempt that this device was never given',
      )
      return { committed: true, message: 'this attempt is not known here' }
    }
    const isLive = target.live_attempt_id === body.attempt_id
    const wasGivenUp =
      isLive && target.deployment_status === 'failed' && target.reason === 'lease_expired'
    if (
      target.attempt_ended_at !== null &&
      !(wasGivenUp && target.attempt_reason === 'lease_expired')
    )
      return COMMITTED

    const again = isLive && !isEnded(target.deployment_status) && retryLater(target, body)
    repo.endAttempt(body.attempt_id, {
      ended_at: nowIso(),
      status: body.status,
      reason: again ? 'retry_later' : resultReason(body),
      message: body.message,
      exit_code: body.exit_code ?? null,
    })
    deps.secrets.ended(target)
    if (!isLive) return COMMITTED // an older attempt: kept in the history, the target has moved on

    if (again)
      repo.step(target, [...eventsTo(target.deployment_status, 'failed'), 'retried'], again)
    else {
      const ending: TargetChange = {
        reason: resultReason(body),
        result_message: body.message,
        error_details: body.error_details ?? null,
        exit_code: body.exit_code ?? null,
        started_at: target.started_at ?? nowIso(),
        completed_at: nowIso(),
        since: nowIso(),
        deadline_ms: null,
        not_before_ms: null,
        offered_at_ms: null,
      }
      if (body.status === 'failed') blameFile(target, ending)
      if (wasGivenUp) {
        // A late skip means that this attempt installed nothing: like a failure it leaves the outcome as it was, and a failed
        // target never carries the reason of a skip.
        if (body.status === 'skipped') ending.reason = 'lease_expired'
        repo.step(target, body.status === 'success' ? 'late_success' : 'late_failure', ending)
        recount(target, changes)
      } else
        repo.step(
          target,
          eventsTo(target.deployment_status, body.status === 'success' ? 'completed' : body.status),
          ending,
        )
      if (ending.reason === 'integrity') changes.mismatched.add(target.id)
    }
    changes.moved(target)
    changes.owing.add(target.deployment_id)
    changes.freed.add(deviceId)
    return COMMITTED
  }
}
