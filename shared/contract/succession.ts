/**
 * How agents follow a controller whose keys change. Each change is told in a statement, signed by the command key before it,
 * or, when that one is lost or stolen, by the recovery key. The statements travel in the hub's certificate, so an agent knows
 * them before it has written one byte, also when it slept through several changes.
 */
import { z } from 'zod'
import { Fingerprint } from '../domain/ids.ts'
import { PublicKey, signature } from './keys.ts'

/** Statements a certificate carries at most: an agent that slept through more has to be enrolled again. */
export const SUCCESSION_LIMIT = 16

export const Succession = z.object({
  /** Counts recoveries. A statement signed by the recovery key raises it; whatever came before does not count any more. */
  generation: z.number().int().nonnegative(),
  /** Counts changes within a generation. */
  epoch: z.number().int().nonnegative(),
  command_key: PublicKey,
  key_id: z.string().min(1).max(64),
  recovery_key: PublicKey,
  /** The hub's TLS key from now on. */
  fingerprint: Fingerprint,
  issued_at: z.iso.datetime(),
})
export type Succession = z.infer<typeof Succession>

export const SignedSuccession = z.object({
  /** The exact text that was signed: JSON of a Succession. */
  payload: z.string().max(1024),
  signer: z.enum(['command', 'recovery']),
  signature,
})
export type SignedSuccession = z.infer<typeof SignedSuccession>

/** What is signed. It begins with its purpose, so that no other signature counts for it. */
export const successionText = (payload: string): string => 'deployx succession v1\n' + payload

/** Each statement is a name of the certificate: this, and the statement's JSON in base64url. */
export const SUCCESSION_NAME = 'deployx:succession:'
