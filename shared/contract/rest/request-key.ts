/** A client key that makes a create request safe to repeat: the same key gets the same answer. */
import { z } from 'zod'
import { route } from './route.ts'
import { Timestamp } from './common.ts'

/** Any UUID that the client has not used before. Case-insensitive. */
export const RequestId = z.guid('must be a UUID').toLowerCase()

/** Fields that the body of a repeatable route may have in addition to its own. */
export const repeatable = { request_id: RequestId.optional() }

/** The outcome of a request with a key. */
export const RequestOutcome = z.object({
  request_id: RequestId,
  /** The name of the route, such as `deployments.create`. */
  route: z.string(),
  /** `under_way`: the request is still running. */
  state: z.enum(['under_way', 'done']),
  /** Id of what was created; null while it is under way, and if nothing with an id was created. */
  id: z.number().int().nullable(),
  at: Timestamp,
})
export type RequestOutcome = z.infer<typeof RequestOutcome>

export const requestRoutes = {
  'requests.get': route({
    method: 'GET',
    path: '/requests/:id',
    access: 'user',
    summary: 'Outcome of one of your requests, by its request_id. E_NOT_FOUND: it never arrived',
    params: z.object({ id: RequestId }),
    reply: RequestOutcome,
  }),
} as const
