/** What the actions of a plan change, as data. Pure, except for the ids of new attempts, which the caller supplies. */
import { nextDeploymentState, verdict, type TargetCounts } from '#shared/domain/deployment-state.ts'
import type { AttemptId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import { isoTime } from '../../../base/context.ts'
import type { DeploymentRow, OpenTargetRow } from '../tables/rows.ts'
import type { Action, PlanTarget } from './plan.types.ts'
import { noWrites, type DeploymentWrite, type TargetWrite, type Writes } from './writes.ts'

/** An open target, as the engine keeps it. */
export type ActTarget = Pick<PlanTarget, 'id' | 'deviceId' | 'state' | 'deadlineMs' | 'held'> & {
  row: Pick<OpenTargetRow, 'id' | 'deployment_id' | 'device_id' | 'installer_id' | 'software_id'>
  attempt: number
  attemptId: AttemptId | null
}
export type NewAttempt = {
  attempt_id: AttemptId
  target_id: TargetId
  attempt: number
  created_at: string
}
/** A command to send after the commit. */
export type ToSend<T extends ActTarget> = {
  kind: 'deploy' | 'cancel'
  target: T
  attemptId: AttemptId
}
export type Acts<T extends ActTarget> = {
  added: NewAttempt[]
  writes: Writes
  /** Why these stay pending. */
  waits: Map<TargetReason | null, TargetId[]>
  toSend: ToSend<T>[]
  /** Whose agents are asked to stop, or would be if they had the attempt. */
  askedToStop: T[]
  /** Targets whose state or offer changed. */
  moved: TargetId[]
  freed: DeviceId[]
  /** The plan paused the deployment, for this reason. */
  paused: string | null
  /** Nothing is left to run, if the counters agree. */
  concludes: boolean
  /** Another run of the engine has to follow. */
  needsRun: boolean
}

/** The end of a deployment; null: something is left to run, or it has ended already. Pure. */
export function concluded(
  row: Pick<DeploymentRow, 'id' | 'status' | 'canceling'>,
  counts: TargetCounts,
  iso: string,
): (DeploymentWrite & { event: 'completed' | 'failed' | 'partial' | 'canceled' }) | null {
  const event = verdict(counts, row.canceling)
  if (event === null || nextDeploymentState(row.status, event) === null) return null
  const change = { ended_at: iso, paused: false, pause_reason: null, pause_message: null }
  return { id: row.id, from: row.status, event, change }
}

export function act<T extends ActTarget>(
  row: Pick<DeploymentRow, 'id' | 'status'>,
  actions: readonly Action[],
  targets: ReadonlyMap<TargetId, T>,
  options: { nowMs: number; offerTimeoutMs: number; newAttemptId: () => AttemptId },
): Acts<T> {
  const { nowMs } = options
  const iso = isoTime(nowMs)
  const acts: Acts<T> = {
    added: [],
    writes: noWrites(),
    waits: new Map(),
    toSend: [],
    askedToStop: [],
    moved: [],
    freed: [],
    paused: null,
    concludes: false,
    needsRun: false,
  }
  const offerDeadlineMs = nowMs + options.offerTimeoutMs
  let { status } = row
  function deployment(event: 'started' | null, change: DeploymentWrite['change']): void {
    acts.writes.deployments.push({ id: row.id, from: status, event, change })
    if (event === 'started') status = 'in_progress'
  }
  function target(of: T, events: TargetWrite['events'], change: TargetWrite['change']): void {
    const { id, deployment_id } = of.row
    const from = { id, deployment_id, deployment_status: of.state }
    acts.writes.targets.push({ target: from, events, change })
  }

  function offer(of: T): void {
    const attemptId = of.attemptId ?? options.newAttemptId()
    if (of.attemptId === null)
      acts.added.push({
        attempt_id: attemptId,
        target_id: of.id,
        attempt: of.attempt,
        created_at: iso,
      })
    target(of, [], {
      attempt_id: attemptId,
      offered_at_ms: nowMs,
      not_before_ms: null,
      deadline_ms: of.deadlineMs ?? offerDeadlineMs,
      // Keep the reason through repeated offers, so that it does not flicker on screen.
      reason: of.held ? 'retry_later' : null,
    })
    acts.toSend.push({ kind: 'deploy', target: of, attemptId })
    acts.moved.push(of.id)
  }
  function askToStop(of: T): void {
    acts.askedToStop.push(of)
    // Do not wait forever for an agent that never answers.
    if (of.state === 'pending' && of.deadlineMs === null)
      target(of, [], { deadline_ms: offerDeadlineMs })
    if (of.attemptId) acts.toSend.push({ kind: 'cancel', target: of, attemptId: of.attemptId })
  }
  /** A failure or a skip that the controller itself decides. */
  function end(of: T, { type, reason, message }: Extract<Action, { type: 'fail' | 'skip' }>): void {
    const status = type === 'fail' ? 'failed' : 'skipped'
    target(of, [status], {
      reason,
      result_message: message,
      completed_at: iso,
      since: iso,
      offered_at_ms: null,
      deadline_ms: null,
    })
    if (of.attemptId)
      acts.writes.attempts.push({
        id: of.attemptId,
        end: { ended_at: iso, status, reason, message },
      })
    acts.freed.push(of.deviceId)
    acts.moved.push(of.id)
    acts.needsRun = true
  }

  for (const action of actions) {
    switch (action.type) {
      case 'start':
        deployment('started', { started_at: iso, wave: 1, ready_since_ms: nowMs })
        break
      case 'conclude':
        acts.concludes = true
        break
      case 'end_wave':
        deployment(null, { wave_ended_at_ms: nowMs })
        acts.needsRun = true
        break
      case 'open_wave':
        deployment(null, { wave: action.wave, wave_ended_at_ms: null, ready_since_ms: nowMs })
        acts.needsRun = true
        break
      case 'pause': {
        const { message } = action
        deployment(null, {
          paused: true,
          pause_reason: 'failure_threshold',
          pause_message: message,
        })
        acts.paused = message
        acts.needsRun = true
        break
      }
      case 'offer':
        offer(targets.get(action.targetId)!)
        break
      case 'send_cancel':
        askToStop(targets.get(action.targetId)!)
        break
      case 'wait': {
        const list = acts.waits.get(action.reason)
        if (list) list.push(action.targetId)
        else acts.waits.set(action.reason, [action.targetId])
        break
      }
      case 'requeue': {
        const of = targets.get(action.targetId)!
        const { reason } = action
        target(of, ['requeued'], { reason, since: iso, offered_at_ms: null, deadline_ms: null })
        acts.moved.push(of.id)
        acts.needsRun = true
        break
      }
      case 'fail':
      case 'skip':
        end(targets.get(action.targetId)!, action)
        break
    }
  }
  return acts
}
