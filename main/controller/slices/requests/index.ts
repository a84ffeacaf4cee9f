/**
 * Makes requests safe to repeat. A client that lost the reply sends the same request with the same
 * key again and gets the same answer; nothing happens twice. If the work is synchronous, its rows
 * and the answer are committed together.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import { AppError } from '#shared/contract/errors.ts'
import type { RequestOutcome } from '#shared/contract/rest/request-key.ts'
import { isoTime, type Clock, type Now, type Random, type Viewer } from '../../base/context.ts'
import { moveWithClock } from '../../store/moved-time.ts'
import type { Store } from '../../store/store.ts'
import { createRequestsRepo } from './requests.repo.ts'

/** A draft whose reply was lost may stay in a browser for weeks. */
const KEPT_MS = 30 * 24 * 60 * 60_000
const KEPT_PER_USER = 5_000
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The same text for the same content, regardless of key order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

function subjectOf(answer: unknown): number | null {
  const { deployment_id, id } = (answer ?? {}) as { deployment_id?: unknown; id?: unknown }
  const subject = deployment_id ?? id
  return typeof subject === 'number' ? subject : null
}

export type Requests = ReturnType<typeof createRequests>

/** @param secret of this controller: answers are sealed with a key derived from it */
export function createRequests(deps: {
  store: Store
  now: Now
  clock: Clock
  random: Random
  secret: string
}) {
  const repo = createRequestsRepo(deps.store)
  const stop = moveWithClock(deps.clock, (byMs) => repo.moveTimes(byMs, deps.now()))
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', deps.secret, '', `deployx requests ${purpose}`, 32))
  const [sealKey, fingerprintKey] = [derive('answers'), derive('fingerprints')]
  const underWay = new Map<
    string,
    { route: string; fingerprint: string; atMs: number; answer: Promise<unknown> }
  >()

  function seal(text: string): string {
    const nonce = deps.random.bytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', sealKey, nonce)
    const body = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([body, cipher.getAuthTag()]).toString('base64')
  }
  /** @throws AppError E_CONFLICT if it was sealed with keys that this controller no longer has */
  function unseal(sealed: string): unknown {
    const bytes = Buffer.from(sealed, 'base64')
    try {
      const decipher = createDecipheriv('aes-256-gcm', sealKey, bytes.subarray(0, NONCE_BYTES))
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      const body = bytes.subarray(NONCE_BYTES, -TAG_BYTES)
      return JSON.parse(Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8'))
    } catch (cause) {
      throw AppError.of('answer_unreadable', {}, [], { cause })
    }
  }
  function checkSame(
    known: { route: string; fingerprint: string },
    route: string,
    fingerprint: string,
  ): void {
    if (known.route !== route || known.fingerprint !== fingerprint)
      throw AppError.of('request_id_reused', {}, [
        { path: '/request_id', message: 'belongs to a different request' },
      ])
  }

  return {
    stop,
    /**
     * Answers the request, or repeats its earlier answer. A failure is not kept: the key may be
     * used again.
     * @param content parameters and body, without the key itself
     * @param work produces the answer; if it is synchronous, it runs inside the transaction that
     * stores the answer
     * @throws AppError E_CONFLICT if the key belongs to a different request, and what `work` throws
     */
    once(
      viewer: Viewer,
      requestId: string,
      route: string,
      content: unknown,
      work: () => unknown,
    ): unknown {
      const fingerprint = createHmac('sha256', fingerprintKey)
        .update(canonical({ route, content }))
        .digest('hex')
      const place = `${viewer.id}/${requestId}`
      const running = underWay.get(place)
      if (running) {
        checkSame(running, route, fingerprint)
        return running.answer
      }
      const keep = (answer: unknown): void => {
        const atMs = deps.now()
        repo.prune(viewer.id, KEPT_PER_USER - 1, atMs - KEPT_MS)
        repo.insert({
          user_id: viewer.id,
          request_id: requestId,
          route,
          fingerprint,
          subject_id: subjectOf(answer),
          answer: seal(JSON.stringify(answer)),
          at_ms: atMs,
        })
      }
      // Wrapped: the driver refuses a transaction that returns a promise.
      const { result } = deps.store.transaction(() => {
        const known = repo.find(viewer.id, requestId)
        if (known) {
          checkSame(known, route, fingerprint)
          return { result: unseal(known.answer) }
        }
        const made = work()
        if (!(made instanceof Promise)) keep(made)
        return { result: made }
      })
      if (!(result instanceof Promise)) return result
      const answer = result
        .then((made: unknown) => {
          deps.store.transaction(() => keep(made))
          return made
        })
        .finally(() => underWay.delete(place))
      underWay.set(place, { route, fingerprint, atMs: deps.now(), answer })
      return answer
    },

    /**
     * The outcome of a user's request. @throws AppError E_NOT_FOUND if none arrived with this key
     */
    find(viewer: Viewer, requestId: string): RequestOutcome {
      const running = underWay.get(`${viewer.id}/${requestId}`)
      if (running)
        return {
          request_id: requestId,
          route: running.route,
          state: 'under_way',
          id: null,
          at: isoTime(running.atMs),
        }
      const known = repo.find(viewer.id, requestId)
      if (!known) throw new AppError('E_NOT_FOUND', 'No request has arrived with this key.')
      return {
        request_id: requestId,
        route: known.route,
        state: 'done',
        id: known.subject_id,
        at: isoTime(known.at_ms),
      }
    },
  }
}
