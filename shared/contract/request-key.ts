/** A key that makes a request of the kind "create" safe to repeat: the same key again gets the same answer. */
import { z } from 'zod'
import { route } from './route.ts'
import { Timestamp } from './entities.ts'

/** Any UUID that the client has never used before. Case does not matter. */
export const RequestId = z.guid('must be a UUID').toLowerCase()

/** What a body of a repeatable route may carry besides its own fields. */
export const repeatable = { request_id: RequestId.optional() }

/** What became of a request that was made under a key. */
export const RequestOutcome = z.object({
  request_id: RequestId,
  /** The name of the route, such as `deployments.create`. */
  route: z.string(),
  /** `under_way`: the answer is still being made. */
  state: z.enum(['under_way', 'done']),
  /** Of what was created; null while it is under way, and where nothing with an id was. */
  id: z.number().int().nullable(),
  at: Timestamp,
})
export type RequestOutcome = z.infer<typeof RequestOutcome>

export const requestRoutes = {
  'requests.get': route({
    method: 'GET',
    path: '/requests/:id',
    access: 'user',
    summary: 'What became of a request of yours, by its request_id; E_NOT_FOUND: it never arrived',
    params: z.object({ id: RequestId }),
    reply: RequestOutcome,
  }),
} as const
