/**
 * What a decision of the core wants written. The core returns it as data; the shell writes it in the transaction in which it
 * read what was decided on (`write` in tables/deployments.repo.ts).
 */
import {
  nextDeploymentState,
  type DeploymentEvent,
  type DeploymentState,
} from '#shared/domain/deployment-state.ts'
import type { AttemptId, DeploymentId, TargetId } from '#shared/domain/ids.ts'
import { nextTargetState, type TargetEvent, type TargetState } from '#shared/domain/target-state.ts'
import type { AttemptRow, DeploymentChange, TargetChange, TargetRow } from '../tables/rows.ts'

/** The state that a step starts from, as it was read. */
export type StepTarget = Pick<TargetRow, 'id' | 'deployment_id' | 'deployment_status'>
export type TargetWrite = {
  target: StepTarget
  /** Transitions of the state table, in order; none: only columns change. */
  events: readonly TargetEvent[]
  change: TargetChange
}
export type AttemptEnd = Required<
  Pick<AttemptRow, 'ended_at' | 'status' | 'reason' | 'message' | 'result_code' | 'result_params'>
> & { exit_code?: number | null }
export type AttemptWrite = { id: AttemptId; end: AttemptEnd }
export type DeploymentWrite = {
  id: DeploymentId
  /** The state that the step starts from, as it was read. */
  from: DeploymentState
  /** A transition of the state table; null: only columns change. */
  event: DeploymentEvent | null
  change: DeploymentChange
}
export type Writes = {
  targets: TargetWrite[]
  attempts: AttemptWrite[]
  deployments: DeploymentWrite[]
}
export const noWrites = (): Writes => ({ targets: [], attempts: [], deployments: [] })

/** A state table has no such transition. */
export class IllegalStep extends Error {}

/** The state after these events. @throws IllegalStep */
export function targetStateAfter(from: TargetState, events: readonly TargetEvent[]): TargetState {
  let state = from
  for (const event of events) {
    const to = nextTargetState(state, event)
    if (to === null)
      throw new IllegalStep(`a target that is ${state} has no transition for ${event}`)
    state = to
  }
  return state
}
/** The state after this event. @throws IllegalStep */
export function deploymentStateAfter(
  from: DeploymentState,
  event: DeploymentEvent | null,
): DeploymentState {
  if (event === null) return from
  const to = nextDeploymentState(from, event)
  if (to === null)
    throw new IllegalStep(`a deployment that is ${from} has no transition for ${event}`)
  return to
}

export type MergedTargetWrite = {
  id: TargetId
  deployment_id: DeploymentId
  state: TargetState
  /** Every transition, for the counters. */
  moves: [from: TargetState, to: TargetState][]
  change: TargetChange
}
/** One write per target, in the order of the first: later changes of a column win. Pure. @throws IllegalStep */
export function mergeTargetWrites(writes: readonly TargetWrite[]): MergedTargetWrite[] {
  const merged = new Map<TargetId, MergedTargetWrite>()
  for (const { target, events, change } of writes) {
    const { id, deployment_id } = target
    const before = merged.get(id)
    const from = before?.state ?? target.deployment_status
    const state = targetStateAfter(from, events)
    const move: [TargetState, TargetState][] = events.length > 0 ? [[from, state]] : []
    if (before) {
      before.state = state
      before.moves.push(...move)
      Object.assign(before.change, change)
    } else merged.set(id, { id, deployment_id, state, moves: move, change: { ...change } })
  }
  return [...merged.values()]
}
