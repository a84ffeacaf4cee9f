/** A TLS key with a self-signed certificate, as a hub creates one. */
import { createHash, randomBytes, webcrypto } from 'node:crypto'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import type { Fingerprint } from '#shared/domain/ids.ts'

export type TlsKey = { key: string; cert: string; fingerprint: Fingerprint }

/** @param issuer the authority that its certificate names; self-signed by default */
export async function makeTlsKey(issuer?: string): Promise<TlsKey> {
  x509.cryptoProvider.set(webcrypto)
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(8).toString('hex'),
    subject: 'CN=test hub',
    issuer: issuer ?? 'CN=test hub',
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    // Long past: an agent must ignore dates in a certificate, because the PC's clock may be wrong.
    notBefore: new Date('2001-01-01'),
    notAfter: new Date('2002-01-01'),
    signingAlgorithm: algorithm,
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey))
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`,
    cert: certificate.toString('pem'),
    fingerprint: `sha256/${createHash('sha256').update(spki).digest('base64')}`,
  }
}
