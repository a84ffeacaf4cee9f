/** Self-signed certificates for existing keys. */
import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from 'node:crypto'
// @peculiar/x509 needs the metadata polyfill loaded before it.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

const DAY_MS = 24 * 3_600_000

/**
 * @param keyPem a P-256 key, PKCS #8
 * @param options.name common name; `names`: the subject alternative names
 * @returns the certificate, PEM; valid from yesterday, so that clocks may differ
 */
export async function makeSelfSigned(
  keyPem: string,
  options: { name: string; days: number; names: x509.JsonGeneralNames },
): Promise<string> {
  x509.cryptoProvider.set(webcrypto)
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const privateKey = await webcrypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' }),
    algorithm,
    true,
    ['sign'],
  )
  const publicKey = await webcrypto.subtle.importKey(
    'spki',
    createPublicKey(keyPem).export({ type: 'spki', format: 'der' }),
    algorithm,
    true,
    ['verify'],
  )
  const from = Date.now() - DAY_MS
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(8).toString('hex'),
    name: `CN=${options.name}`,
    notBefore: new Date(from),
    notAfter: new Date(from + options.days * DAY_MS),
    signingAlgorithm: algorithm,
    keys: { privateKey, publicKey },
    extensions: [new x509.SubjectAlternativeNameExtension(options.names)],
  })
  return certificate.toString('pem')
}
