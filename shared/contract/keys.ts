/** Formats of keys and signatures in messages. */
import { z } from 'zod'

/** Ed25519 signature, base64. */
export const signature = z.string().regex(/^[A-Za-z0-9+/]{86}==$/)
/** Ed25519 public key, SPKI DER, base64. */
export const PublicKey = z.string().regex(/^[A-Za-z0-9+/]{58,60}={0,2}$/)
