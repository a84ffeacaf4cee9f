/**
 * The states of a target (one device × one software of a deployment) and all legal transitions.
 * A missing row is an illegal step everywhere. Finer distinctions are reasons (reasons.ts), never new states.
 */
import { z } from 'zod'

export const TARGET_STATES = [
  'pending',
  'downloading',
  'installing',
  'completed',
  'failed',
  'skipped',
] as const
export const TargetState = z.enum(TARGET_STATES)
export type TargetState = z.infer<typeof TargetState>

export const TARGET_EVENTS = [
  'accepted', // the agent has journalled the command
  'installer_started',
  'succeeded',
  'failed',
  'skipped',
  'requeued', // the lease was lost before the installer started: offer it again
  'retried', // a person asked for another attempt
  'late_success', // a late result after lease_expired
  'late_failure',
] as const
export type TargetEvent = (typeof TARGET_EVENTS)[number]

/** [from, event, to] */
export const TARGET_TRANSITIONS = [
  ['pending', 'accepted', 'downloading'],
  ['pending', 'failed', 'failed'],
  ['pending', 'skipped', 'skipped'],
  ['downloading', 'installer_started', 'installing'],
  ['downloading', 'failed', 'failed'],
  ['downloading', 'skipped', 'skipped'],
  ['downloading', 'requeued', 'pending'],
  ['installing', 'succeeded', 'completed'],
  ['installing', 'failed', 'failed'],
  ['installing', 'skipped', 'skipped'],
  ['failed', 'retried', 'pending'],
  // Only after lease_expired, and only for the same attempt.
  ['failed', 'late_success', 'completed'],
  ['failed', 'late_failure', 'failed'],
] as const satisfies ReadonlyArray<readonly [TargetState, TargetEvent, TargetState]>

/** States without work left. `failed` may be retried, the other two are final. */
export const ENDED_TARGET_STATES = [
  'completed',
  'failed',
  'skipped',
] as const satisfies readonly TargetState[]
/** States in which the device is at work for this target. */
export const RUNNING_TARGET_STATES = [
  'downloading',
  'installing',
] as const satisfies readonly TargetState[]

type EndedTargetState = (typeof ENDED_TARGET_STATES)[number]
export type OpenTargetState = Exclude<TargetState, EndedTargetState>
const isOpen = (state: TargetState): state is OpenTargetState =>
  !(ENDED_TARGET_STATES as readonly TargetState[]).includes(state)
/** States with work left. */
export const OPEN_TARGET_STATES: readonly OpenTargetState[] = TARGET_STATES.filter(isOpen)

export const isEnded = (state: TargetState): boolean =>
  (ENDED_TARGET_STATES as readonly TargetState[]).includes(state)
export const isRunning = (state: TargetState): boolean =>
  (RUNNING_TARGET_STATES as readonly TargetState[]).includes(state)

/** The state after `event`, or null if the table has no such transition. Pure. */
export function nextTargetState(from: TargetState, event: TargetEvent): TargetState | null {
  const row = TARGET_TRANSITIONS.find(([f, e]) => f === from && e === event)
  return row ? row[2] : null
}

/**
 * The states from `from` (excluded) to `to` (included): a fast agent may report the end before its progress was read. Empty if the
 * target is already there or past it. A failure or a skip is legal from every open state, success only from `installing`.
 */
export function pathTo(
  from: TargetState,
  to: Exclude<TargetState, 'pending'>,
): Exclude<TargetState, 'pending'>[] {
  if (isEnded(from)) return []
  if (to === 'failed' || to === 'skipped') return [to]
  const order = ['downloading', 'installing', 'completed'] as const
  return order.slice(
    from === 'pending' ? 0 : order.indexOf(from as 'downloading' | 'installing') + 1,
    order.indexOf(to) + 1,
  )
}

const STEP_EVENTS = {
  downloading: 'accepted',
  installing: 'installer_started',
  completed: 'succeeded',
  failed: 'failed',
  skipped: 'skipped',
} as const satisfies Record<Exclude<TargetState, 'pending'>, TargetEvent>
/** The events of the transitions along `pathTo`. */
export const eventsTo = (from: TargetState, to: Exclude<TargetState, 'pending'>): TargetEvent[] =>
  pathTo(from, to).map((state) => STEP_EVENTS[state])
