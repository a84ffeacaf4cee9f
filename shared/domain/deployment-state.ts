/** The states of a deployment and the verdict on its targets. Paused and cancelling are flags on `in_progress`. */
import { z } from 'zod'
import { OPEN_TARGET_STATES, TARGET_STATES, type TargetState } from './target-state.ts'

export const DEPLOYMENT_STATES = [
  'pending',
  'in_progress',
  'completed',
  'failed',
  'partial',
  'canceled',
] as const
export const DeploymentState = z.enum(DEPLOYMENT_STATES)
export type DeploymentState = z.infer<typeof DeploymentState>

export type DeploymentEvent =
  | 'started'
  | 'completed'
  | 'failed'
  | 'partial'
  | 'canceled'
  | 'retried'
  // A target that had failed for lack of a report sent its result late: the verdict is computed again.
  | 'recounted_completed'
  | 'recounted_partial'

/** [from, event, to] */
export const DEPLOYMENT_TRANSITIONS = [
  ['pending', 'started', 'in_progress'],
  ['pending', 'canceled', 'canceled'],
  ['in_progress', 'completed', 'completed'],
  ['in_progress', 'failed', 'failed'],
  ['in_progress', 'partial', 'partial'],
  ['in_progress', 'canceled', 'canceled'],
  ['failed', 'retried', 'in_progress'],
  ['partial', 'retried', 'in_progress'],
  ['canceled', 'retried', 'in_progress'],
  ['failed', 'recounted_completed', 'completed'],
  ['failed', 'recounted_partial', 'partial'],
  ['partial', 'recounted_completed', 'completed'],
] as const satisfies ReadonlyArray<readonly [DeploymentState, DeploymentEvent, DeploymentState]>

export const ENDED_DEPLOYMENT_STATES = [
  'completed',
  'failed',
  'partial',
  'canceled',
] as const satisfies readonly DeploymentState[]

type EndedDeploymentState = (typeof ENDED_DEPLOYMENT_STATES)[number]
export type ActiveDeploymentState = Exclude<DeploymentState, EndedDeploymentState>
const isActive = (state: DeploymentState): state is ActiveDeploymentState =>
  !(ENDED_DEPLOYMENT_STATES as readonly DeploymentState[]).includes(state)
export const ACTIVE_DEPLOYMENT_STATES: readonly ActiveDeploymentState[] =
  DEPLOYMENT_STATES.filter(isActive)

/** The state after `event`, or null if the table has no such transition. Pure. */
export function nextDeploymentState(
  from: DeploymentState,
  event: DeploymentEvent,
): DeploymentState | null {
  const row = DEPLOYMENT_TRANSITIONS.find(([f, e]) => f === from && e === event)
  return row ? row[2] : null
}

/** Number of targets in each state. */
export type TargetCounts = Record<TargetState, number>

/** @param count called for each state */
export const targetCounts = (count: (state: TargetState) => number): TargetCounts =>
  Object.fromEntries(TARGET_STATES.map((state) => [state, count(state)])) as TargetCounts
export const NO_TARGETS: TargetCounts = targetCounts(() => 0)

/**
 * The verdict once nothing is left to run; null before that.
 * A cancelled deployment is `canceled`, even if some targets completed.
 */
export function verdict(
  counts: TargetCounts,
  canceling: boolean,
): 'completed' | 'failed' | 'partial' | 'canceled' | null {
  if (OPEN_TARGET_STATES.some((state) => counts[state] > 0)) return null
  if (canceling) return 'canceled'
  if (counts.failed === 0) return 'completed'
  return counts.completed > 0 ? 'partial' : 'failed'
}

/** 100 × completed ÷ (completed + failed), one decimal; null while there are none. */
export function successRate(counts: Pick<TargetCounts, 'completed' | 'failed'>): number | null {
  const ended = counts.completed + counts.failed
  return ended === 0 ? null : Math.round((1000 * counts.completed) / ended) / 10
}
