/**
 * Adds an idempotency key to requests that create something. A retry after a lost answer carries the same key, so that
 * pressing "Try again" never creates a second one.
 */
import { newRequestId } from './request-id.ts'
import { ApiError } from './failure.ts'

const KEPT = 50

/** Whether the outcome of the request is unknown. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof ApiError &&
  ['E_UNREACHABLE', 'E_TIMEOUT', 'E_REPLY', 'E_CANCELED', 'E_INTERNAL', 'E_DATABASE'].includes(
    error.code,
  )

export function createRepeats() {
  /** Keys of unanswered requests, by path and body. */
  const open = new Map<string, string>()

  /** @param send sends the request with the given body */
  return async function once<T>(
    place: string,
    body: unknown,
    send: (body: unknown) => Promise<T>,
  ): Promise<T> {
    const fields = (body ?? {}) as { request_id?: string }
    if (fields.request_id !== undefined) return send(body)
    const content = `${place} ${JSON.stringify(fields)}`
    const key = open.get(content) ?? newRequestId()
    open.set(content, key)
    for (const oldest of open.keys()) {
      if (open.size <= KEPT) break
      open.delete(oldest)
    }
    try {
      const answer = await send({ ...fields, request_id: key })
      open.delete(content)
      return answer
    } catch (error) {
      if (!isUnanswered(error)) open.delete(content)
      throw error
    }
  }
}
