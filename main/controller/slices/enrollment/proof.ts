import { createPublicKey, verify } from 'node:crypto'

/** Verifies an Ed25519 signature; an unreadable key or signature does not verify. */
export function verifies(publicKeyBase64: string, text: string, signatureBase64: string): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.from(publicKeyBase64, 'base64'),
      format: 'der',
      type: 'spki',
    })
    return (
      key.asymmetricKeyType === 'ed25519' &&
      verify(null, Buffer.from(text), key, Buffer.from(signatureBase64, 'base64'))
    )
  } catch {
    return false
  }
}
