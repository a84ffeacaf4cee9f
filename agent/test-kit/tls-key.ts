/** A TLS key with a certificate of its own, as a hub makes one. */
import { createHash, randomBytes, webcrypto } from 'node:crypto'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import type { Fingerprint } from '#shared/domain/ids.ts'

export type TlsKey = { key: string; cert: string; fingerprint: Fingerprint }

/** @param issuer whom its certificate names as its authority; itself unless given */
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
    // Long past: no date in a certificate may matter to an agent, whose clock may be dead.
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
