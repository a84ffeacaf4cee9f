/**
 * The states of a restart that a deployment requires, and all legal transitions. A missing row is an illegal step.
 * The deployment's verdict does not wait for restarts.
 */
import { z } from 'zod'

export const RESTART_STATES = [
  'owed', // pending: nothing was sent yet
  'ordered', // the agent may have the order
  'announced', // the agent has the order, and the notice is running
  'done',
  'failed', // the agent cannot restart this PC, or it did not restart
  'given_up', // the PC was away too long, or did not come back
  'canceled',
] as const
export const RestartState = z.enum(RESTART_STATES)
export type RestartState = z.infer<typeof RestartState>

export const OPEN_RESTART_STATES = [
  'owed',
  'ordered',
  'announced',
] as const satisfies readonly RestartState[]
export type OpenRestartState = (typeof OPEN_RESTART_STATES)[number]

export const RESTART_EVENTS = [
  'ordered',
  'put_off', // the agent refused the order for now, because work is running there
  'announced',
  'restarted', // the PC runs another boot than the one that the restart was for
  'impossible',
  'gave_up',
  'canceled',
] as const
export type RestartEvent = (typeof RESTART_EVENTS)[number]

/** [from, event, to] */
export const RESTART_TRANSITIONS = [
  ['owed', 'ordered', 'ordered'],
  ['owed', 'restarted', 'done'],
  ['owed', 'impossible', 'failed'],
  ['owed', 'gave_up', 'given_up'],
  ['owed', 'canceled', 'canceled'],
  ['ordered', 'put_off', 'owed'],
  ['ordered', 'announced', 'announced'],
  ['ordered', 'restarted', 'done'],
  ['ordered', 'impossible', 'failed'],
  ['ordered', 'gave_up', 'given_up'],
  ['ordered', 'canceled', 'canceled'],
  ['announced', 'restarted', 'done'],
  ['announced', 'impossible', 'failed'],
  ['announced', 'gave_up', 'given_up'],
  ['announced', 'canceled', 'canceled'],
] as const satisfies ReadonlyArray<readonly [RestartState, RestartEvent, RestartState]>

export const isRestartOpen = (state: RestartState): state is OpenRestartState =>
  (OPEN_RESTART_STATES as readonly RestartState[]).includes(state)

/** The state after `event`, or null if the table has no such transition. Pure. */
export function nextRestartState(from: RestartState, event: RestartEvent): RestartState | null {
  const row = RESTART_TRANSITIONS.find(([f, e]) => f === from && e === event)
  return row ? row[2] : null
}

/** Default notice for people at the PC, in minutes. */
export const RESTART_NOTICE_MINUTES = 10
export const RESTART_NOTICE_MAX_MINUTES = 24 * 60
