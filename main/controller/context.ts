/** Small things every slice shares: who asks, what time it is, where to log. */
import type { Logger } from 'pino'
import type { Role } from '#shared/contract/entities.ts'
import type { UserId } from '#shared/domain/ids.ts'

/** The signed-in user on whose behalf something is asked. */
export type Viewer = { id: UserId; username: string; role: Role }

/** Epoch milliseconds. Injected, so that tests own the clock. */
export type Now = () => number

export type Log = Logger

/** Administrators see everything, a technician what he owns. */
export const maySee = (viewer: Viewer, ownerId: UserId | null): boolean =>
  viewer.role === 'admin' || ownerId === viewer.id

export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString()
