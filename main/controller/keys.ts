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
  type KeyObject,
} from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fingerprint } from '#shared/domain/ids.ts'

export type ControllerKeys = {
  tls: { key: string; cert: string }
  fingerprint: Fingerprint
  /** The private half is for the signing thread alone. */
  command: { keyFile: string; /** SPKI DER, base64 */ publicKey: string; keyId: string }
  jwtSecret: string
}

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

/** Loads the keys in `DIR/keys`, making at first start what is not there. */
export async function loadKeys(dataDir: string): Promise<ControllerKeys> {
  const dir = join(dataDir, 'keys')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const tlsKey = readOrMake(join(dir, 'hub-tls.key'), () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem).toString(),
  )
  const certFile = join(dir, 'hub-tls.crt')
  if (!existsSync(certFile)) {
    // Needed once in the life of a data folder, and slow to load.
    const { selfSigned } = await import('./certificate.ts')
    writeSecret(certFile, await selfSigned(tlsKey))
  }
  const commandFile = join(dir, 'command-signing.key')
  const commandPem = readOrMake(commandFile, () =>
    generateKeyPairSync('ed25519').privateKey.export(pem).toString(),
  )
  const publicKey = createPublicKey(commandPem).export({ type: 'spki', format: 'der' })
  return {
    tls: { key: tlsKey, cert: readFileSync(certFile, 'utf8') },
    fingerprint: fingerprintOf(createPrivateKey(tlsKey)),
    command: {
      keyFile: commandFile,
      publicKey: publicKey.toString('base64'),
      keyId: createHash('sha256').update(publicKey).digest('hex').slice(0, 16),
    },
    jwtSecret: readOrMake(join(dir, 'access-token.key'), () =>
      randomBytes(48).toString('base64url'),
    ),
  }
}
