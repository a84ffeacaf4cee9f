/** What the actions of a plan change, as data. Pure, except for the ids of new attempts, which the caller supplies. */
import type { CodedText } from '#shared/domain/coded-texts/codes.ts'
import { nextDeploymentState, verdict, type TargetCounts } from '#shared/domain/deployment-state.ts'
import type { AttemptId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import { isoTime } from '../../../base/context.ts'
import type { DeploymentRow, OpenTargetRow } from '../tables/rows.ts'
import { endColumns, NOT_PAUSED, pauseColumns, resultColumns } from './coded-columns.ts'
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
  paused: CodedText | null
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
  const change = { ended_at: iso, ...NOT_PAUSED }
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
  function changeDeployment(event: 'started' | null, change: DeploymentWrite['change']): void {
    acts.writes.deployments.push({ id: row.id, from: status, event, change })
    if (event === 'started') status = 'in_progress'
  }
  function changeTarget(
    target: T,
    events: TargetWrite['events'],
    change: TargetWrite['change'],
  ): void {
    const { id, deployment_id } = target.row
    const from = { id, deployment_id, deployment_status: target.state }
    acts.writes.targets.push({ target: from, events, change })
  }

  function offer(target: T): void {
    const attemptId = target.attemptId ?? options.newAttemptId()
    if (target.attemptId === null)
      acts.added.push({
        attempt_id: attemptId,
        target_id: target.id,
        attempt: target.attempt,
        created_at: iso,
      })
    changeTarget(target, [], {
      attempt_id: attemptId,
      offered_at_ms: nowMs,
      not_before_ms: null,
      deadline_ms: target.deadlineMs ?? offerDeadlineMs,
      // Keep the reason through repeated offers, so that it does not flicker on screen.
      reason: target.held ? 'retry_later' : null,
    })
    acts.toSend.push({ kind: 'deploy', target, attemptId })
    acts.moved.push(target.id)
  }
  function requestStop(target: T): void {
    acts.askedToStop.push(target)
    // Do not wait forever for an agent that never answers.
    if (target.state === 'pending' && target.deadlineMs === null)
      changeTarget(target, [], { deadline_ms: offerDeadlineMs })
    if (target.attemptId) acts.toSend.push({ kind: 'cancel', target, attemptId: target.attemptId })
  }
  /** A failure or a skip that the controller itself decides. */
  function end(
    target: T,
    { type, reason, text }: Extract<Action, { type: 'fail' | 'skip' }>,
  ): void {
    const status = type === 'fail' ? 'failed' : 'skipped'
    changeTarget(target, [status], {
      reason,
      ...resultColumns(text),
      completed_at: iso,
      since: iso,
      offered_at_ms: null,
      deadline_ms: null,
    })
    if (target.attemptId)
      acts.writes.attempts.push({
        id: target.attemptId,
        end: { ended_at: iso, status, reason, ...endColumns(text) },
      })
    acts.freed.push(target.deviceId)
    acts.moved.push(target.id)
    acts.needsRun = true
  }

  for (const action of actions) {
    switch (action.type) {
      case 'start':
        changeDeployment('started', { started_at: iso, wave: 1, ready_since_ms: nowMs })
        break
      case 'conclude':
        acts.concludes = true
        break
      case 'end_wave':
        changeDeployment(null, { wave_ended_at_ms: nowMs })
        acts.needsRun = true
        break
      case 'open_wave':
        changeDeployment(null, { wave: action.wave, wave_ended_at_ms: null, ready_since_ms: nowMs })
        acts.needsRun = true
        break
      case 'pause': {
        const { text } = action
        changeDeployment(null, {
          paused: true,
          pause_reason: 'failure_threshold',
          ...pauseColumns(text),
        })
        acts.paused = text
        acts.needsRun = true
        break
      }
      case 'offer':
        offer(targets.get(action.targetId)!)
        break
      case 'send_cancel':
        requestStop(targets.get(action.targetId)!)
        break
      case 'wait': {
        const list = acts.waits.get(action.reason)
        if (list) list.push(action.targetId)
        else acts.waits.set(action.reason, [action.targetId])
        break
      }
      case 'requeue': {
        const target = targets.get(action.targetId)!
        const { reason } = action
        changeTarget(target, ['requeued'], {
          reason,
          since: iso,
          offered_at_ms: null,
          deadline_ms: null,
        })
        acts.moved.push(target.id)
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
