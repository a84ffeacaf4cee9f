/**
 * The states of a restart that a deployment owes a PC, and every legal arrow between them. A missing line is an illegal step.
 * The deployment's own verdict does not wait for any of them.
 */
import { z } from 'zod'

export const RESTART_STATES = [
  'owed', // nothing was sent: it waits for its moment
  'ordered', // the agent may hold the order
  'announced', // the agent has it, and people at the PC have been told
  'done',
  'failed', // this PC cannot be restarted by its agent, or did not restart
  'given_up', // it was not there, or did not come back
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
  'put_off', // the agent says that it does not hold the order: something is at work there
  'announced',
  'restarted', // the PC runs another boot than the one the restart was owed in
  'impossible',
  'gave_up',
  'called_off',
] as const
export type RestartEvent = (typeof RESTART_EVENTS)[number]

/** [from, event, to] */
export const RESTART_TRANSITIONS = [
  ['owed', 'ordered', 'ordered'],
  ['owed', 'restarted', 'done'],
  ['owed', 'impossible', 'failed'],
  ['owed', 'gave_up', 'given_up'],
  ['owed', 'called_off', 'canceled'],
  ['ordered', 'put_off', 'owed'],
  ['ordered', 'announced', 'announced'],
  ['ordered', 'restarted', 'done'],
  ['ordered', 'impossible', 'failed'],
  ['ordered', 'gave_up', 'given_up'],
  ['ordered', 'called_off', 'canceled'],
  ['announced', 'restarted', 'done'],
  ['announced', 'impossible', 'failed'],
  ['announced', 'gave_up', 'given_up'],
  ['announced', 'called_off', 'canceled'],
] as const satisfies ReadonlyArray<readonly [RestartState, RestartEvent, RestartState]>

export const isRestartOpen = (state: RestartState): state is OpenRestartState =>
  (OPEN_RESTART_STATES as readonly RestartState[]).includes(state)

/** The state after `event`, or null where the table has no such arrow. Pure. */
export function nextRestartState(from: RestartState, event: RestartEvent): RestartState | null {
  const row = RESTART_TRANSITIONS.find(([f, e]) => f === from && e === event)
  return row ? row[2] : null
}

/** Minutes of notice that people at the PC get. */
export const RESTART_NOTICE_MINUTES = 10
export const RESTART_NOTICE_MAX_MINUTES = 24 * 60
