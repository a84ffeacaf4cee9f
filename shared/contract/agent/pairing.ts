/**
 * Enrolment without a code: namespace `/pairing` on the hub's port. The agent does not know the hub's key yet and sends
 * nothing secret; the key of the connection becomes its pin once six digits have been compared on both screens.
 *
 *   agent → hub  pair_begin   its key, facts, a proof that it holds the key, its commitment   ← the hub's commitment and command key
 *   agent → hub  pair_reveal  its nonce                                                        ← the hub's nonce
 *   agent → hub  pair_answer  whether the digits match those in the console
 *   hub → agent  pair_admitted, once both sides have confirmed: what enrolment with a code returns
 *   hub → agent  pair_ended    instead of any of these: the pairing ended, and why
 */
import { z } from 'zod'
import { AgentFacts, EnrollReply } from './link.ts'
import { PublicKey, signature } from '../keys.ts'

export const PAIRING_NAMESPACE = '/pairing'
export const PAIRING_PROTOCOL = 1

/** 32 bytes, hex: nonces and commitments. */
const bytes32 = z.string().regex(/^[0-9a-f]{64}$/)
const message = z.string().max(1_000)

export const PairBegin = z.object({
  protocol: z.number().int().positive(),
  public_key: PublicKey,
  /** By that key over pairingProofText(). */
  signature,
  commitment: bytes32,
  facts: AgentFacts,
})
export type PairBegin = z.infer<typeof PairBegin>

/** `retry_after_seconds` null: waiting does not help. */
const Refusal = z.object({
  ok: z.literal(false),
  message,
  retry_after_seconds: z.number().int().positive().nullable(),
})
export const PairBeginReply = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    commitment: bytes32,
    command_key: PublicKey,
    key_id: z.string().min(1).max(64),
  }),
  Refusal,
])
export type PairBeginReply = z.infer<typeof PairBeginReply>

export const PairReveal = z.object({ nonce: bytes32 })
export type PairReveal = z.infer<typeof PairReveal>
export const PairRevealReply = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), nonce: bytes32 }),
  Refusal,
])
export type PairRevealReply = z.infer<typeof PairRevealReply>

export const PairAnswer = z.object({ same: z.boolean() })
export type PairAnswer = z.infer<typeof PairAnswer>

export const PairEnded = z.object({
  message,
  retry_after_seconds: z.number().int().positive().nullable(),
})
export type PairEnded = z.infer<typeof PairEnded>

type Ack<T> = (reply: T) => void
/** Event maps for Socket.IO. Received bodies must be parsed first. */
export type PairingToHub = {
  pair_begin: (body: PairBegin, ack: Ack<PairBeginReply>) => void
  pair_reveal: (body: PairReveal, ack: Ack<PairRevealReply>) => void
  pair_answer: (body: PairAnswer, ack: Ack<{ ok: true }>) => void
}
export type HubToPairing = {
  /** Acknowledged once it is on the agent's disk. */
  pair_admitted: (body: z.infer<typeof EnrollReply>, ack: Ack<{ ok: true }>) => void
  pair_ended: (body: PairEnded) => void
}
export { EnrollReply as PairAdmitted }
