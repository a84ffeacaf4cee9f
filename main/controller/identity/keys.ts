/**
 * The controller's keys, one per purpose, each in a file of its own that only this user may read: the TLS key of the hub
 * (pinned by agents), the Ed25519 key that signs commands, the secret of access tokens, and the recovery key, which speaks
 * for the controller when the others are lost.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fingerprint } from '#shared/domain/ids.ts'
import {
  exchangeKeys,
  FIRST,
  fingerprintOf,
  KEY_FILES,
  keyIdOf,
  keysFolder,
  publicKeyOf,
  SuccessionState,
  writeSecret,
} from './key-files.ts'

export type ControllerKeys = {
  tls: { key: string; cert: string }
  fingerprint: Fingerprint
  /** The private half is for the signing thread alone. */
  command: { keyFile: string; /** SPKI DER, base64 */ publicKey: string; keyId: string }
  /** SPKI DER, base64. Its private half is not read here. */
  recoveryKey: string
  succession: SuccessionState
  jwtSecret: string
}

const PEM = { type: 'pkcs8', format: 'pem' } as const
export const makeTlsKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(PEM).toString()
export const makeEd25519Key = (): string =>
  generateKeyPairSync('ed25519').privateKey.export(PEM).toString()
export const makeSecret = (): string => randomBytes(48).toString('base64url')

function readOrMake(file: string, make: () => string): string {
  if (!existsSync(file)) writeSecret(file, make())
  return readFileSync(file, 'utf8')
}

/** The recovery key's public half; the pair is made at first start. */
function readRecoveryKey(folder: string): string {
  const publicFile = join(folder, KEY_FILES.recoveryPublic)
  if (!existsSync(publicFile)) {
    const pem = readOrMake(join(folder, KEY_FILES.recovery), makeEd25519Key)
    writeSecret(publicFile, publicKeyOf(pem))
  }
  return readFileSync(publicFile, 'utf8')
}

export function readSuccession(folder: string): SuccessionState {
  const file = join(folder, KEY_FILES.succession)
  if (!existsSync(file)) return FIRST
  return SuccessionState.parse(JSON.parse(readFileSync(file, 'utf8')))
}

/** Public halves of the command key and of those before it: whatever was ever signed here is proven by one of them. */
export function commandKeys(dataDir: string): KeyObject[] {
  const folder = keysFolder(dataDir)
  const { past } = readSuccession(folder)
  return [
    createPublicKey(readFileSync(join(folder, KEY_FILES.command))),
    ...past.map(({ public_key }) =>
      createPublicKey({ key: Buffer.from(public_key, 'base64'), format: 'der', type: 'spki' }),
    ),
  ]
}

/** Loads the keys in `DIR/keys`, making at first start what is not there. */
export async function loadKeys(dataDir: string): Promise<ControllerKeys> {
  exchangeKeys(dataDir)
  const folder = keysFolder(dataDir)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const tlsKey = readOrMake(join(folder, KEY_FILES.tlsKey), makeTlsKey)
  const certFile = join(folder, KEY_FILES.tlsCert)
  if (!existsSync(certFile)) {
    // Needed once in the life of a key, and slow to load.
    const { selfSigned } = await import('./certificate.ts')
    writeSecret(certFile, await selfSigned(tlsKey, readSuccession(folder).statements))
  }
  const commandFile = join(folder, KEY_FILES.command)
  const publicKey = publicKeyOf(readOrMake(commandFile, makeEd25519Key))
  return {
    tls: { key: tlsKey, cert: readFileSync(certFile, 'utf8') },
    fingerprint: fingerprintOf(createPrivateKey(tlsKey)),
    command: { keyFile: commandFile, publicKey, keyId: keyIdOf(publicKey) },
    recoveryKey: readRecoveryKey(folder),
    succession: readSuccession(folder),
    jwtSecret: readOrMake(join(folder, KEY_FILES.accessTokens), makeSecret),
  }
}
