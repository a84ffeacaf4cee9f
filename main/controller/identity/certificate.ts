/** The hub's certificate, made once for each of its keys. */
import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from 'node:crypto'
// @peculiar/x509 needs the metadata polyfill loaded before it.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { SUCCESSION_NAME, type SignedSuccession } from '#shared/contract/succession.ts'

const CERTIFICATE_YEARS = 20

/**
 * A self-signed certificate for this key, both PEM. Agents pin the key, not the certificate: name and dates in it mean
 * nothing and may be renewed at will. Its further names carry the statements by which agents follow a change of keys.
 */
export async function selfSigned(
  keyPem: string,
  statements: readonly SignedSuccession[],
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
  const from = new Date(Date.now() - 24 * 3_600_000)
  const until = new Date(from)
  until.setFullYear(until.getFullYear() + CERTIFICATE_YEARS)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(8).toString('hex'),
    name: 'CN=DeployX hub',
    notBefore: from,
    notAfter: until,
    signingAlgorithm: algorithm,
    keys: { privateKey, publicKey },
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'deployx.invalid' },
        ...statements.map((statement) => ({
          type: 'url' as const,
          value: SUCCESSION_NAME + Buffer.from(JSON.stringify(statement)).toString('base64url'),
        })),
      ]),
    ],
  })
  return certificate.toString('pem')
}
