/**
 * Enrolment: the secret in the code registers the agent's key with the hub, and the hub returns its signing
 * keys.
 */
import fetch, { type Response } from 'node-fetch'
import {
  AGENT_PROTOCOL,
  ENROLL_PATH,
  EnrollReply,
  enrollText,
  type AgentFacts,
  type EnrollRequest,
} from '#shared/contract/agent/link.ts'
import { ErrorReply } from '#shared/contract/errors.ts'
import type { EnrollmentCode } from '#shared/domain/enrollment-code.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Enrollment, Identity } from '../identity/identity.ts'
import { errorText } from '../lib/atomic-file.ts'
import { AgentFailure } from '../lib/failure.ts'
import { linkedSignal } from '../lib/wait.ts'
import { createPinnedAgent, pinnedTo } from './pinned-agent.ts'
import { secretHash } from './secret-hash.ts'

const REPLY_TIMEOUT_MS = 20_000
const REPLY_LIMIT_BYTES = 64 * 1024
const ADDRESS_LIMIT = 32

/** Newest first, each once. */
export const mergeAddresses = (...lists: readonly (readonly string[])[]): string[] =>
  [...new Set(lists.flat())].slice(0, ADDRESS_LIMIT)

async function ask(
  address: string,
  body: EnrollRequest,
  agent: ReturnType<typeof createPinnedAgent>,
  signal: AbortSignal,
): Promise<Response> {
  return fetch(`https://${address}${ENROLL_PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    agent,
    redirect: 'error',
    size: REPLY_LIMIT_BYTES,
    signal,
  })
}

/**
 * Tries each address in the code in turn. @throws AgentFailure when the hub refuses (that is final), or none
 * of the addresses led to it
 */
export async function enroll(
  identity: Identity,
  code: EnrollmentCode,
  facts: AgentFacts,
  clock: Pick<Clock, 'setTimer'>,
): Promise<Enrollment> {
  const agent = createPinnedAgent(pinnedTo(code.fingerprint), clock)
  const body: EnrollRequest = {
    protocol: AGENT_PROTOCOL,
    secret: code.secret,
    public_key: identity.publicKey,
    signature: identity.sign(enrollText(code.fingerprint, code.secret, identity.publicKey)),
    facts,
  }
  const failures: string[] = []
  for (const address of code.addresses) {
    let response: Response
    let raw: unknown
    const { signal, abort } = linkedSignal()
    const cancelTimer = clock.setTimer(REPLY_TIMEOUT_MS, abort)
    try {
      response = await ask(address, body, agent, signal)
      raw = await response.json()
    } catch (error) {
      failures.push(`${address}: ${errorText(error)}`)
      continue
    } finally {
      cancelTimer()
    }
    const refusal = ErrorReply.safeParse(raw)
    if (refusal.success)
      throw new AgentFailure(`The controller refused: ${refusal.data.error.message}`)
    const reply = EnrollReply.safeParse(raw)
    if (!reply.success)
      throw new AgentFailure(
        `The controller at ${address} gave an answer (status ${response.status}) that this agent does not understand.`,
      )
    const { addresses, ...rest } = reply.data
    return {
      ...rest,
      fingerprint: code.fingerprint,
      addresses: mergeAddresses([address], addresses, code.addresses),
      secret_hash: secretHash(code.secret),
    }
  }
  throw new AgentFailure(`The controller could not be reached: ${failures.join('; ')}`)
}
