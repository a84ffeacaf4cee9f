/** What all slices share: the viewer, the time, the log. */
import type { Logger } from 'pino'
import type { Role } from '#shared/contract/rest/users.ts'
import type { UserId } from '#shared/domain/ids.ts'

/** The signed-in user who makes a request. */
export type Viewer = {
  id: UserId
  username: string
  role: Role
  /** The client's address, for the audit log. */
  address?: string
  /** Only their own account is available until they have chosen another password. */
  mustChangePassword?: boolean
}

/**
 * `Clock.wallMs`, in epoch ms: to display, to store, and for stored deadlines. Code that stores
 * deadlines must shift them at each `Clock.onChange`. For a wait within this run, use
 * `Clock.monotonicMs` instead.
 */
export type Now = () => number
export type { Clock, ClockChange } from './clock.ts'
export type { Random } from '#shared/node/random.ts'

export type Log = Logger

/** Administrators see everything, technicians what they own. */
export const maySee = (viewer: Viewer, ownerId: UserId | null): boolean =>
  viewer.role === 'admin' || ownerId === viewer.id

let lastMs = NaN
let lastText = ''
/** UTC, ISO 8601. Cached, because writing many rows formats the same moment many times. */
export function isoTime(epochMs: number): string {
  if (epochMs !== lastMs) {
    lastText = new Date(epochMs).toISOString()
    lastMs = epochMs
  }
  return lastText
}
