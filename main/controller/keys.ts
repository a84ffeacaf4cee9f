/**
 * The controller's keys, one per purpose, each in a file of its own that only this user may read:
 * the TLS key of the hub (pinned by agents), the Ed25519 key that signs commands, the secret of access tokens.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  webcrypto,
  type KeyObject,
} from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
// @peculiar/x509 needs the metadata polyfill loaded before it.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import type { Fingerprint } from '#shared/domain/ids.ts'

export type ControllerKeys = {
  tls: { key: string; cert: string }
  fingerprint: Fingerprint
  command: { privateKey: KeyObject; /** SPKI DER, base64 */ publicKey: string; keyId: string }
  jwtSecret: string
}

const CERTIFICATE_YEARS = 20

/** Written whole or not at all: a crash leaves the old file or none. */
function writeSecret(file: string, content: string): void {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`
  writeFileSync(temporary, content, { mode: 0o600, flush: true })
  renameSync(temporary, file)
}

function readOrMake(file: string, make: () => string): string {
  if (!existsSync(file)) writeSecret(file, make())
  return readFileSync(file, 'utf8')
}

/** `sha256/` + base64 of the SHA-256 over the key's SubjectPublicKeyInfo. */
export function fingerprintOf(key: KeyObject): Fingerprint {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`
}

/** Agents pin the key, not the certificate: name and dates in it mean nothing and may be renewed at will. */
async function selfSigned(keyPem: string): Promise<string> {
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
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'deployx.invalid' }]),
    ],
  })
  return certificate.toString('pem')
}

/** Loads the keys in `DIR/keys`, making at first start what is not there. */
export async function loadKeys(dataDir: string): Promise<ControllerKeys> {
  const dir = join(dataDir, 'keys')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const tlsKey = readOrMake(join(dir, 'hub-tls.key'), () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem).toString(),
  )
  const certFile = join(dir, 'hub-tls.crt')
  if (!existsSync(certFile)) writeSecret(certFile, await selfSigned(tlsKey))
  const commandPem = readOrMake(join(dir, 'command-signing.key'), () =>
    generateKeyPairSync('ed25519').privateKey.export(pem).toString(),
  )
  const privateKey = createPrivateKey(commandPem)
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return {
    tls: { key: tlsKey, cert: readFileSync(certFile, 'utf8') },
    fingerprint: fingerprintOf(createPrivateKey(tlsKey)),
    command: {
      privateKey,
      publicKey: publicKey.toString('base64'),
      keyId: createHash('sha256').update(publicKey).digest('hex').slice(0, 16),
    },
    jwtSecret: readOrMake(join(dir, 'access-token.key'), () =>
      randomBytes(48).toString('base64url'),
    ),
  }
}
