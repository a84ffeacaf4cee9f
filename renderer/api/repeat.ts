/**
 * Gives requests that create something a key, and the same key again when the same request is sent after its answer was lost:
 * pressing "Try again" must not create a second one.
 */
import { newRequestId } from './request-id.ts'
import { ApiError } from './failure.ts'

const KEPT = 50

/** Whether nobody knows what became of the request. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof ApiError &&
  ['E_UNREACHABLE', 'E_TIMEOUT', 'E_REPLY', 'E_CANCELED', 'E_INTERNAL', 'E_DATABASE'].includes(
    error.code,
  )

export function createRepeats() {
  /** Keys of requests without an answer, by what they ask for. */
  const open = new Map<string, string>()

  /** @param send the request, with the body it is given */
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
