/**
 * How agents follow a controller whose keys change. Each change is a statement, signed by the previous command key or, if that
 * one is lost or stolen, by the recovery key. The statements are in the hub's certificate, so an agent has them before it sends
 * one byte, even after it was off during several changes.
 */
import { z } from 'zod'
import { Fingerprint } from '../../domain/ids.ts'
import { PublicKey, signature } from '../keys.ts'

/** Maximum number of statements in a certificate: an agent that missed more must be enrolled again. */
export const SUCCESSION_LIMIT = 16

export const Succession = z.object({
  /** Counts recoveries. A statement signed by the recovery key raises it and invalidates all earlier ones. */
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

/** The signed text. It starts with its purpose, so that the signature is valid for nothing else. */
export const successionText = (payload: string): string => 'deployx succession v1\n' + payload

/** Prefix of the certificate names that hold a statement, followed by its JSON in base64url. */
export const SUCCESSION_NAME = 'deployx:succession:'
