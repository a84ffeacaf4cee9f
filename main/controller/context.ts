/** Small things every slice shares: who asks, what time it is, where to log. */
import type { Logger } from 'pino'
import type { Role } from '#shared/contract/entities.ts'
import type { UserId } from '#shared/domain/ids.ts'

/** The signed-in user on whose behalf something is asked. */
export type Viewer = {
  id: UserId
  username: string
  role: Role
  /** Where the request came from, for the audit trail. */
  address?: string
  /** Nothing but his own account is open to him until he has chosen another password. */
  mustChangePassword?: boolean
}

/**
 * Epoch ms, of `Clock.wallMs`: for people, for the store, and for deadlines that are stored. Whoever keeps deadlines by it
 * moves them at each `Clock.onChange`. A wait that ends with this run belongs on `Clock.monotonicMs` instead.
 */
export type Now = () => number
export type { Clock, ClockChange } from './lib/clock.ts'

export type Log = Logger

/** Administrators see everything, a technician what he owns. */
export const maySee = (viewer: Viewer, ownerId: UserId | null): boolean =>
  viewer.role === 'admin' || ownerId === viewer.id

let lastMs = NaN
let lastText = ''
/** UTC, ISO 8601. Writing many rows at once asks for the same moment many times. */
export function isoTime(epochMs: number): string {
  if (epochMs !== lastMs) {
    lastText = new Date(epochMs).toISOString()
    lastMs = epochMs
  }
  return lastText
}
