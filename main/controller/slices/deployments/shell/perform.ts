/** Applies a plan. Runs inside the engine's transaction; messages and notifications are collected for after the commit. */
import { randomBytes } from 'node:crypto'
import type { DeploymentCompleted } from '#shared/contract/feed.ts'
import { nextDeploymentState, verdict } from '#shared/domain/deployment-state.ts'
import type { AttemptId, DeploymentId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import { isoTime, type Now } from '../../../base/context.ts'
import type { Devices } from '../../devices/index.ts'
import type { Changes } from '../changes.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { OpenTarget } from './open-targets.ts'
import type { Action } from '../core/plan.ts'
import type { Sending } from './sender.ts'
import type { Trail } from '../audit-records.ts'
import type { EngineTimings } from '../timings.ts'
import { totals } from '../views/views.ts'

export function createPerform(deps: {
  repo: DeploymentsRepo
  devices: Pick<Devices, 'takeSequence'>
  trail: Pick<Trail, 'ended' | 'pausedByFailures'>
  now: Now
  timings: EngineTimings
}) {
  const { repo, timings } = deps

  function offer(target: OpenTarget, iso: string): Sending {
    const attemptId = target.attemptId ?? (randomBytes(16).toString('hex') as AttemptId)
    if (target.attemptId === null)
      repo.addAttempt({
        attempt_id: attemptId,
        target_id: target.id,
        attempt: target.attempt,
        created_at: iso,
      })
    repo.change(target.row, {
      attempt_id: attemptId,
      offered_at_ms: deps.now(),
      not_before_ms: null,
      deadline_ms: target.deadlineMs ?? deps.now() + timings.offerPatienceMs,
      // Keep the reason through repeated offers, so that it does not flicker on screen.
      reason: target.held ? 'retry_later' : null,
    })
    return sending('deploy', target, attemptId)
  }
  const sending = (kind: Sending['kind'], target: OpenTarget, attemptId: AttemptId): Sending => ({
    kind,
    target: { ...target.row, attempt: target.attempt },
    attemptId,
    sequence: deps.devices.takeSequence(target.deviceId),
  })

  /** A failure or a skip that the controller itself decides. */
  function end(
    target: OpenTarget,
    action: Extract<Action, { type: 'fail' | 'skip' }>,
    iso: string,
    changes: Changes,
  ): void {
    const { reason, message } = action
    const event = action.type === 'fail' ? 'failed' : 'skipped'
    repo.step({ ...target.row, deployment_status: target.state }, event, {
      reason,
      result_message: message,
      completed_at: iso,
      since: iso,
      offered_at_ms: null,
      deadline_ms: null,
    })
    if (target.attemptId)
      repo.endAttempt(target.attemptId, { ended_at: iso, status: event, reason, message })
    changes.freed.add(target.deviceId)
  }

  function conclude(id: DeploymentId, iso: string, changes: Changes): void {
    const deployment = repo.byId(id)!
    const counts = repo.counts(id)
    const end = verdict(counts, deployment.canceling)
    if (end === null || nextDeploymentState(deployment.status, end) === null) return
    repo.update(id, {
      status: end,
      ended_at: iso,
      paused: false,
      pause_reason: null,
      pause_message: null,
    })
    changes.deployment(id)
    const completed: DeploymentCompleted = {
      deployment_id: id,
      deployment_name: deployment.name,
      action: deployment.action,
      status: end,
      success_count: counts.completed,
      failure_count: counts.failed,
      skipped_count: counts.skipped,
      total_count: counts.completed + counts.failed + counts.skipped,
      created_at: deployment.created_at,
      ended_at: iso,
    }
    deps.trail.ended(deployment, completed)
    changes.complete(id, completed)
  }

  function pausedByFailures(
    id: DeploymentId,
    message: string,
    iso: string,
    changes: Changes,
  ): void {
    const deployment = repo.byId(id)!
    const counts = repo.counts(id)
    deps.trail.pausedByFailures(deployment, message)
    changes.deployment(id)
    changes.pause(id, {
      deployment_id: id,
      deployment_name: deployment.name,
      action: deployment.action,
      message,
      failure_count: counts.failed,
      total_count: totals(counts).total,
      paused_at: iso,
    })
  }

  return (
    id: DeploymentId,
    actions: Action[],
    targets: ReadonlyMap<TargetId, OpenTarget>,
    changes: Changes,
    sendings: Sending[],
  ): void => {
    const nowMs = deps.now()
    const iso = isoTime(nowMs)
    const waits = new Map<TargetReason | null, TargetId[]>()
    const moved = (target: OpenTarget) => {
      changes.target(id, target.id)
      changes.deployment(id)
    }
    for (const action of actions) {
      switch (action.type) {
        case 'start':
          repo.update(id, {
            status: 'in_progress',
            started_at: iso,
            wave: 1,
            ready_since_ms: nowMs,
          })
          changes.deployment(id)
          break
        case 'conclude':
          conclude(id, iso, changes)
          break
        case 'end_wave':
          repo.update(id, { wave_ended_at_ms: nowMs })
          changes.deployment(id)
          changes.owing.add(id)
          break
        case 'open_wave':
          repo.update(id, { wave: action.wave, wave_ended_at_ms: null, ready_since_ms: nowMs })
          changes.deployment(id)
          changes.owing.add(id)
          break
        case 'pause':
          repo.update(id, {
            paused: true,
            pause_reason: 'failure_threshold',
            pause_message: action.message,
          })
          pausedByFailures(id, action.message, iso, changes)
          changes.owing.add(id)
          break
        case 'offer': {
          const target = targets.get(action.targetId)!
          sendings.push(offer(target, iso))
          moved(target)
          break
        }
        case 'tell_cancel': {
          const target = targets.get(action.targetId)!
          target.cancelToldAtMs = nowMs
          // Do not wait forever for an agent that never answers.
          if (target.state === 'pending' && target.deadlineMs === null)
            repo.change(target.row, { deadline_ms: nowMs + timings.offerPatienceMs })
          if (target.attemptId) sendings.push(sending('cancel', target, target.attemptId))
          break
        }
        case 'wait': {
          const list = waits.get(action.reason)
          if (list) list.push(action.targetId)
          else waits.set(action.reason, [action.targetId])
          break
        }
        case 'requeue': {
          const target = targets.get(action.targetId)!
          repo.step({ ...target.row, deployment_status: target.state }, 'requeued', {
            reason: action.reason,
            since: iso,
            offered_at_ms: null,
            deadline_ms: null,
          })
          moved(target)
          changes.owing.add(id)
          break
        }
        case 'fail':
        case 'skip': {
          const target = targets.get(action.targetId)!
          end(target, action, iso, changes)
          moved(target)
          changes.owing.add(id)
          break
        }
      }
    }
    for (const [reason, ids] of waits) {
      repo.setWaitReason(id, ids, reason)
      for (const targetId of ids) changes.target(id, targetId)
      changes.deployment(id)
    }
  }
}
