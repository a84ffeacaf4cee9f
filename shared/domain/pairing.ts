/**
 * Pairing without a code: six digits that a person compares on two screens. Each side first commits to a random nonce and
 * reveals it only when the other has committed too, so nobody can choose a nonce that gives two conversations the same digits.
 * These functions build the texts; each side computes SHA-256 itself.
 */

/** The keys as each side sees them. An attacker in the middle cannot make both sides see the same. */
export type PairingFacts = {
  /** The agent's Ed25519 key, SPKI DER, base64. */
  agentKey: string
  /** The hub's TLS key: on the hub its own, on the agent the one of the connection. */
  fingerprint: string
  /** The command-signing key, SPKI DER, base64. */
  commandKey: string
}

/** The agent signs this text to prove that it holds its key now. */
export const pairingProofText = (
  fingerprint: string,
  agentKey: string,
  commitment: string,
): string => ['deployx pairing proof v1', fingerprint, agentKey, commitment].join('\n')

/** SHA-256 of this, hex, is the agent's commitment. The nonce is 64 hex digits. */
export const agentCommitmentText = (nonce: string, agentKey: string): string =>
  ['deployx pairing agent commitment v1', nonce, agentKey].join('\n')

/** SHA-256 of this, hex, is the hub's commitment. */
export const hubCommitmentText = (nonce: string, fingerprint: string, commandKey: string): string =>
  ['deployx pairing hub commitment v1', nonce, fingerprint, commandKey].join('\n')

/** SHA-256 of this gives the digits. */
export const digitsText = (facts: PairingFacts, agentNonce: string, hubNonce: string): string =>
  [
    'deployx pairing digits v1',
    facts.agentKey,
    facts.fingerprint,
    facts.commandKey,
    agentNonce,
    hubNonce,
  ].join('\n')

/** Six digits from the first eight bytes of a hash: 2^64 is so much larger than 10^6 that the bias is negligible. */
export function digitsOf(hash: Uint8Array): string {
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength)
  return String(view.getBigUint64(0) % 1_000_000n).padStart(6, '0')
}

/** `123456` as people read it: `123 456`. */
export const groupDigits = (digits: string): string => `${digits.slice(0, 3)} ${digits.slice(3)}`
