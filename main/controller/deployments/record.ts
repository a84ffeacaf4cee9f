/**
 * Takes what agents report and makes it so, exactly once: keyed by the attempt, ignored when it was recorded before,
 * never overwriting a newer attempt. Reports are gathered for a few milliseconds and committed together; each is
 * acknowledged only after that commit.
 */
import type {
  CommandReply,
  DeploymentOutput,
  DeploymentProgress,
  DeploymentResult,
  ReportReply,
} from '#shared/contract/agent-link.ts'
import { verdict } from '#shared/domain/deployment-state.ts'
import type { AttemptId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import { INSTALLER_TIMEOUT_SECONDS } from '#shared/domain/defaults.ts'
import { FAILURE_REASONS, SKIP_REASONS, type TargetReason } from '#shared/domain/reasons.ts'
import { pathTo, type TargetEvent, type TargetState } from '#shared/domain/target-state.ts'
import { isoTime, type Log, type Now } from '../context.ts'
import type { Store } from '../store/store.ts'
import { createChanges, type Changes } from './changes.ts'
import type { AttemptRow, DeploymentsRepo, TargetRow } from './deployments.repo.ts'
import type { OutputsRepo } from './outputs.repo.ts'
import type { EngineTimings } from './timings.ts'

type Report = { deviceId: DeviceId } & (
  | { kind: 'result'; body: DeploymentResult }
  | { kind: 'progress'; body: DeploymentProgress }
  | { kind: 'output'; body: DeploymentOutput }
  | { kind: 'reply'; targetId: TargetId; attemptId: AttemptId; reply: CommandReply | 'no_answer' }
  | { kind: 'lost'; targetId: TargetId }
)
type Entry = { report: Report; done: (reply: ReportReply) => void }

const COMMITTED: ReportReply = { committed: true }
/** Nothing is kept waiting in memory beyond this; further reports are refused and come again. */
const QUEUE_LIMIT = 20_000

const STEP_EVENTS = {
  downloading: 'accepted',
  installing: 'installer_started',
  completed: 'succeeded',
  failed: 'failed',
  skipped: 'skipped',
} as const satisfies Record<string, TargetEvent>

/** The reason on a failed target is one of the closed list for failures, whatever the agent said. */
const failureReason = (said: TargetReason | undefined): TargetReason =>
  (FAILURE_REASONS as readonly string[]).includes(said ?? '') ? said! : 'install_failed'
const skipReason = (said: TargetReason | undefined): TargetReason =>
  (SKIP_REASONS as readonly string[]).includes(said ?? '') ? said! : 'already_installed'

export function createRecorder(deps: {
  store: Store
  repo: DeploymentsRepo
  outputs: OutputsRepo
  now: Now
  log: Log
  timings: EngineTimings
  committed: (changes: Changes) => void
}) {
  const { repo, outputs, timings } = deps
  let queue: Entry[] = []
  let timer: NodeJS.Timeout | null = null
  const nowIso = () => isoTime(deps.now())

  /** Walks a target to where a report says it is, arrow by arrow. */
  function walk(
    target: TargetRow,
    to: 'downloading' | 'installing' | 'completed' | 'failed' | 'skipped',
    changes: Changes,
  ): TargetRow {
    const path = pathTo(target.deployment_status, to)
    let current = target
    for (const state of path) {
      const change = {
        since: nowIso(),
        offered_at_ms: null,
        not_before_ms: null,
        deadline_ms: deadlineOf(target, state),
        reason: null,
        started_at: current.started_at ?? nowIso(),
      }
      repo.step(current, STEP_EVENTS[state], change)
      current = { ...current, ...change, deployment_status: state }
    }
    if (path.length > 0) {
      changes.target(target.deployment_id, target.id)
      changes.deployment(target.deployment_id)
    }
    return current
  }
  /** The end of patience with a state, epoch ms; null for one that has ended. */
  function deadlineOf(target: TargetRow, state: TargetState): number | null {
    if (state === 'downloading') return deps.now() + timings.downloadPatienceMs
    if (state === 'installing')
      return deps.now() + installSeconds(target) * 1000 + timings.installGraceMs
    return null
  }
  const installSeconds = (target: TargetRow): number => {
    const own = repo.byId(target.deployment_id)?.timeout_seconds
    const installer = target.installer_id === null ? undefined : repo.installer(target.installer_id)
    return own ?? installer?.timeout_seconds ?? INSTALLER_TIMEOUT_SECONDS
  }

  /** The attempt and its target, if the device that speaks is the one it was given to. */
  function find(
    deviceId: DeviceId,
    attemptId: AttemptId,
  ): { attempt: AttemptRow; target: TargetRow } | null {
    const attempt = repo.attempt(attemptId)
    const target = attempt && repo.target(attempt.target_id)
    return attempt && target && target.device_id === deviceId ? { attempt, target } : null
  }

  function result(deviceId: DeviceId, body: DeploymentResult, changes: Changes): ReportReply {
    const found = find(deviceId, body.attempt_id)
    if (!found) {
      deps.log.warn(
        { deviceId, targetId: body.target_id },
        'a result for an attempt that this device was never given',
      )
      return { committed: true, message: 'this attempt is not known here' }
    }
    const { attempt, target } = found
    const isLive = target.attempt_id === body.attempt_id
    const wasGivenUp =
      target.deployment_status === 'failed' && target.reason === 'lease_expired' && isLive
    if (attempt.ended_at !== null && !(wasGivenUp && attempt.reason === 'lease_expired'))
      return COMMITTED

    const reason =
      body.status === 'failed'
        ? failureReason(body.reason)
        : body.status === 'skipped'
          ? skipReason(body.reason)
          : body.reason === 'reboot_pending'
            ? ('reboot_pending' as const)
            : null
    repo.endAttempt(body.attempt_id, {
      ended_at: nowIso(),
      status: body.status,
      reason,
      message: body.message,
      exit_code: body.exit_code ?? null,
    })
    if (!isLive) return COMMITTED // an older attempt: kept in the history, the target has moved on

    const ending = {
      reason,
      result_message: body.message,
      error_details: body.error_details ?? null,
      exit_code: body.exit_code ?? null,
      completed_at: nowIso(),
      since: nowIso(),
      deadline_ms: null,
      offered_at_ms: null,
    }
    if (wasGivenUp) {
      // A late skip says that nothing was installed by this attempt: like a failure it leaves the verdict as it was.
      repo.step(target, body.status === 'success' ? 'late_success' : 'late_failure', ending)
      recount(target, changes)
    } else {
      const end = body.status === 'success' ? 'completed' : body.status
      walk(target, end, changes)
      repo.change(target.id, ending)
    }
    changes.target(target.deployment_id, target.id)
    changes.deployment(target.deployment_id)
    changes.freed.add(deviceId)
    return COMMITTED
  }

  /** After a late truth the verdict of an ended deployment is told anew. */
  function recount(target: TargetRow, changes: Changes): void {
    const deployment = repo.byId(target.deployment_id)!
    if (deployment.status !== 'failed' && deployment.status !== 'partial') return
    const now = verdict(repo.counts(deployment.id), false)
    if (now === 'completed' || now === 'partial') repo.update(deployment.id, { status: now })
    changes.deployment(deployment.id)
  }

  function progress(deviceId: DeviceId, body: DeploymentProgress, changes: Changes): ReportReply {
    const found = find(deviceId, body.attempt_id)
    if (!found || found.target.attempt_id !== body.attempt_id) return COMMITTED
    const { target } = found
    if (!['pending', 'downloading', 'installing'].includes(target.deployment_status))
      return COMMITTED
    if (target.deployment_status === 'installing' && body.phase !== 'installing') return COMMITTED // out of order
    walk(target, body.phase === 'installing' ? 'installing' : 'downloading', changes)
    repo.change(target.id, {
      reason:
        body.phase === 'verifying' ? 'verifying' : body.reason === 'adopted' ? 'adopted' : null,
      ...(body.bytes !== undefined && { bytes: body.bytes }),
      ...(body.total_bytes !== undefined && { total_bytes: body.total_bytes }),
    })
    changes.target(target.deployment_id, target.id)
    return COMMITTED
  }

  function output(deviceId: DeviceId, body: DeploymentOutput, changes: Changes): ReportReply {
    const found = find(deviceId, body.attempt_id)
    if (!found) return COMMITTED
    const { attempt, target } = found
    if (outputs.append(attempt, body.seq, body.text))
      changes.output(target.deployment_id, {
        deployment_id: target.deployment_id,
        target_id: target.id,
        attempt: attempt.attempt,
        seq: body.seq,
        text: body.text,
      })
    return COMMITTED
  }

  /** The agent's answer to a command, or its silence. */
  function reply(
    targetId: TargetId,
    attemptId: AttemptId,
    answer: CommandReply | 'no_answer',
    changes: Changes,
  ): ReportReply {
    const target = repo.target(targetId)
    if (!target || target.attempt_id !== attemptId || target.deployment_status !== 'pending')
      return COMMITTED
    if (answer !== 'no_answer' && answer.accepted) walk(target, 'downloading', changes)
    else if (answer === 'no_answer' || answer.why === 'busy')
      repo.change(targetId, {
        offered_at_ms: null,
        not_before_ms:
          deps.now() + (answer === 'no_answer' ? timings.offerRetryMs : timings.busyRetryMs),
      })
    else {
      const message = `The agent refused the command: ${answer.message}`
      repo.endAttempt(attemptId, {
        ended_at: nowIso(),
        status: 'failed',
        reason: 'rejected_by_agent',
        message,
      })
      repo.step(target, 'failed', {
        reason: 'rejected_by_agent',
        result_message: message,
        completed_at: nowIso(),
        since: nowIso(),
        offered_at_ms: null,
        deadline_ms: null,
      })
      changes.freed.add(target.device_id)
    }
    changes.target(target.deployment_id, targetId)
    changes.deployment(target.deployment_id)
    return COMMITTED
  }

  /** The agent is back and knows nothing of what it had accepted: nobody will ever report on it. */
  function lost(targetId: TargetId, changes: Changes): ReportReply {
    const target = repo.target(targetId)
    if (
      !target ||
      (target.deployment_status !== 'downloading' && target.deployment_status !== 'installing')
    )
      return COMMITTED
    const message =
      'The agent no longer knows this attempt. Whether the installer ended is not known.'
    if (target.attempt_id)
      repo.endAttempt(target.attempt_id, {
        ended_at: nowIso(),
        status: 'failed',
        reason: 'interrupted',
        message,
      })
    repo.step(target, 'failed', {
      reason: 'interrupted',
      result_message: message,
      completed_at: nowIso(),
      since: nowIso(),
      deadline_ms: null,
    })
    changes.target(target.deployment_id, target.id)
    changes.deployment(target.deployment_id)
    changes.freed.add(target.device_id)
    return COMMITTED
  }

  function apply({ report }: Entry, changes: Changes): ReportReply {
    switch (report.kind) {
      case 'result':
        return result(report.deviceId, report.body, changes)
      case 'progress':
        return progress(report.deviceId, report.body, changes)
      case 'output':
        return output(report.deviceId, report.body, changes)
      case 'reply':
        return reply(report.targetId, report.attemptId, report.reply, changes)
      case 'lost':
        return lost(report.targetId, changes)
    }
  }

  /** Commits all that waits, then acknowledges, then tells. A report that cannot be applied is undone alone. */
  function flush(): void {
    if (timer) clearTimeout(timer)
    timer = null
    const batch = queue
    queue = []
    if (batch.length === 0) return
    const changes = createChanges()
    const replies: ReportReply[] = []
    try {
      deps.store.transaction(() => {
        for (const entry of batch) {
          try {
            replies.push(deps.store.savepoint(() => apply(entry, changes)))
          } catch (error) {
            deps.log.error(
              { err: error, report: entry.report.kind, deviceId: entry.report.deviceId },
              'a report could not be recorded',
            )
            replies.push({ committed: false, message: 'it could not be recorded' })
          }
        }
      })
    } catch (error) {
      deps.log.error(
        { err: error, reports: batch.length },
        'reports could not be committed; the agents send them again',
      )
      for (const entry of batch)
        entry.done({ committed: false, message: 'the store did not accept it' })
      return
    }
    batch.forEach((entry, i) => entry.done(replies[i]!))
    deps.committed(changes)
  }

  return {
    /** Resolves after the commit. Never rejects. */
    take: (report: Report): Promise<ReportReply> =>
      new Promise((done) => {
        if (queue.length >= QUEUE_LIMIT)
          return done({ committed: false, message: 'too many reports at once, send it again' })
        queue.push({ report, done })
        if (queue.length >= timings.batchSize) flush()
        else timer ??= setTimeout(flush, timings.batchMs)
      }),
    /** Commits what waits now. */
    flush,
  }
}
export type Recorder = ReturnType<typeof createRecorder>
