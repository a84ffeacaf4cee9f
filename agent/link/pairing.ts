/**
 * The agent's side of enrolment without a code (shared/contract/agent/pairing.ts). The hub's key is not known
 * beforehand: the key that the connection presents goes into the digits, and is pinned once people have
 * confirmed that both screens show the same digits.
 */
import { createHash } from 'node:crypto'
import type { Agent } from 'node:https'
import { io, type Socket } from 'socket.io-client'
import type { z } from 'zod'
import type { AgentFacts } from '#shared/contract/agent/link.ts'
import {
  PairAdmitted,
  PairBeginReply,
  PairEnded,
  PAIRING_NAMESPACE,
  PAIRING_PROTOCOL,
  PairRevealReply,
  type HubToPairing,
  type PairingToHub,
} from '#shared/contract/agent/pairing.ts'
import { PAIRING_EXPIRES_MS } from '#shared/domain/defaults.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import {
  agentCommitmentText,
  digitsOf,
  digitsText,
  hubCommitmentText,
  pairingProofText,
} from '#shared/domain/pairing.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import type { Enrollment, Identity } from '../identity/identity.ts'
import { AgentFailure } from '../lib/failure.ts'
import { causeOf } from './connect-error.ts'
import { mergeAddresses } from './enroll.ts'
import { createFirstContactAgent } from './pinned-agent.ts'

const CONNECT_TIMEOUT_MS = 15_000
const REPLY_TIMEOUT_MS = 15_000
/** Time for the last message to be sent; the hub then closes the connection itself. */
const LINGER_MS = 1_000
/** Slightly longer than the hub waits, so that the reason comes from the hub. */
const ADMIT_TIMEOUT_MS = PAIRING_EXPIRES_MS + 60_000

export type Person = {
  /** Shows the digits and asks whether the console shows the same. Ends early with the signal. */
  compare: (digits: string, signal: AbortSignal) => Promise<boolean>
  /** Confirmed here; now it waits for the console. */
  waiting: () => void
}

/** Nothing was reached at this address; another address of the same hub may still work. */
export class NotReachedError extends AgentFailure {}

type PairingSocket = Socket<HubToPairing, PairingToHub>
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
const failed = (why: string, retryAfterSeconds: number | null = null): AgentFailure => {
  const again =
    retryAfterSeconds === null ? '' : ` Another try is possible in ${retryAfterSeconds} s.`
  return new AgentFailure(`This PC was not enrolled. ${why}${again}`)
}

function open(address: string, agent: Agent): PairingSocket {
  return io(`https://${address}${PAIRING_NAMESPACE}`, {
    transports: ['websocket'],
    // Typed as a string, as in browsers, but in Node the underlying WebSocket expects an agent object.
    agent: agent as unknown as string,
    forceNew: true,
    reconnection: false,
    perMessageDeflate: false as unknown as { threshold: number },
    timeout: CONNECT_TIMEOUT_MS,
    autoConnect: false,
  })
}

/** Fires with an AgentFailure when the hub ends the pairing or the connection is lost, at any point. */
function watchEnd(socket: PairingSocket, address: string): AbortController {
  const over = new AbortController()
  socket.on('connect_error', (error) => {
    const why = causeOf(error)
    over.abort(new NotReachedError(`The controller at ${address} could not be reached: ${why}`))
  })
  socket.on('pair_ended', (raw: unknown) => {
    const ended = PairEnded.safeParse(raw)
    over.abort(
      ended.success
        ? failed(ended.data.message, ended.data.retry_after_seconds)
        : failed('The controller ended it without a readable reason.'),
    )
  })
  socket.on('disconnect', () => over.abort(failed('The connection to the controller was lost.')))
  return over
}

/** The promise, or the reason for the end, whichever comes first. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function request<E extends keyof PairingToHub, T>(
  socket: PairingSocket,
  event: E,
  body: Parameters<PairingToHub[E]>[0],
  schema: z.ZodType<T>,
): Promise<T> {
  // The event maps are correct for each event, but the compiler cannot follow a generic name.
  const emitter = socket.timeout(REPLY_TIMEOUT_MS) as unknown as {
    emitWithAck: (event: string, body: unknown) => Promise<unknown>
  }
  const reply = schema.safeParse(await emitter.emitWithAck(event, body))
  if (!reply.success) throw failed('The reply of the controller could not be read.')
  return reply.data
}

type Compared = {
  fingerprint: Fingerprint
  commandKey: string
  keyId: string
  digits: string
}

/**
 * Exchanges commitments, then nonces. @throws AgentFailure when the hub refuses, or does not reveal what it
 * has committed to
 */
async function agreeOnDigits(
  socket: PairingSocket,
  fingerprint: Fingerprint,
  { identity, facts, random }: { identity: Identity; facts: AgentFacts; random: Random },
): Promise<Compared> {
  const agentKey = identity.publicKey
  const nonce = random.bytes(32).toString('hex')
  const commitment = sha256(agentCommitmentText(nonce, agentKey)).toString('hex')
  const signature = identity.sign(pairingProofText(fingerprint, agentKey, commitment))
  const begin = { protocol: PAIRING_PROTOCOL, public_key: agentKey, signature, commitment, facts }
  const begun = await request(socket, 'pair_begin', begin, PairBeginReply)
  if (!begun.ok) throw failed(begun.message, begun.retry_after_seconds)
  const shown = await request(socket, 'pair_reveal', { nonce }, PairRevealReply)
  if (!shown.ok) throw failed(shown.message, shown.retry_after_seconds)
  const { command_key: commandKey, key_id: keyId } = begun
  const expected = sha256(hubCommitmentText(shown.nonce, fingerprint, commandKey)).toString('hex')
  if (expected !== begun.commitment)
    throw failed('The controller did not show the number that it had committed to.')
  const text = digitsText({ agentKey, fingerprint, commandKey }, nonce, shown.nonce)
  return { fingerprint, commandKey, keyId, digits: digitsOf(sha256(text)) }
}

function connected(socket: PairingSocket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('connect', () => resolve())
    socket.connect()
  })
}

/**
 * Pairs with the hub at this address.
 * @param advertisedKey the advertised key, or null
 * @param keep stores the enrolment on disk
 * @throws AgentFailure with the reason when pairing fails
 */
export async function pair(options: {
  address: string
  advertisedKey: Fingerprint | null
  identity: Identity
  facts: AgentFacts
  person: Person
  keep: (enrollment: Enrollment) => void
  clock: Clock
  random: Random
}): Promise<Enrollment> {
  const { address, person, clock } = options
  const contact = createFirstContactAgent(options.advertisedKey, clock)
  const socket = open(address, contact.agent)
  const over = watchEnd(socket, address)
  try {
    await unless(over.signal, connected(socket))
    const fingerprint = contact.seen()
    if (!fingerprint) throw failed('The controller showed no key.')
    const work = agreeOnDigits(socket, fingerprint, options)
    const agreed = await unless(over.signal, work)

    const same = await unless(over.signal, person.compare(agreed.digits, over.signal))
    // Start listening only now: messages sent before this PC's own confirmation do not count.
    const admission = same ? admitted(socket, agreed, options) : null
    socket.emit('pair_answer', { same }, () => undefined)
    if (!admission) {
      await unless(over.signal, clock.sleep(LINGER_MS)).catch(() => undefined)
      throw failed('The digits were not confirmed on this PC.')
    }
    person.waiting()
    const enrollment = await unless(over.signal, admission)
    await unless(over.signal, clock.sleep(LINGER_MS)).catch(() => undefined)
    return enrollment
  } catch (error) {
    throw error instanceof AgentFailure ? error : failed('The controller did not answer in time.')
  } finally {
    socket.removeAllListeners()
    socket.disconnect()
    socket.io.engine?.close()
  }
}

/** The hub's confirmation that it has created the device, stored on disk and acknowledged. */
function admitted(
  socket: PairingSocket,
  agreed: Compared,
  {
    address,
    keep,
    clock,
  }: { address: string; keep: (enrollment: Enrollment) => void; clock: Clock },
): Promise<Enrollment> {
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.setTimer(ADMIT_TIMEOUT_MS, () =>
      reject(failed('Nobody approved it in time.')),
    )
    socket.on('pair_admitted', (raw: unknown, ack: unknown) => {
      cancelTimer()
      const reply = PairAdmitted.safeParse(raw)
      // Accept only the keys that the digits vouch for.
      if (
        !reply.success ||
        reply.data.command_key !== agreed.commandKey ||
        reply.data.key_id !== agreed.keyId
      )
        return reject(failed('The controller answered with other keys than those compared.'))
      const { addresses, ...keys } = reply.data
      const enrollment = {
        ...keys,
        fingerprint: agreed.fingerprint,
        addresses: mergeAddresses([address], addresses),
        secret_hash: '',
      }
      try {
        keep(enrollment)
      } catch (error) {
        return reject(error instanceof Error ? error : new Error(String(error)))
      }
      if (typeof ack === 'function') (ack as (reply: { ok: true }) => void)({ ok: true })
      resolve(enrollment)
    })
  })
}
