/**
 * The controller's keys, one per purpose, each in a separate file that only this user may read: the
 * hub's TLS key (pinned by agents), the Ed25519 key that signs commands, the secret of access
 * tokens, and the recovery key, which authorises new keys when the others are lost.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fingerprint } from '#shared/domain/ids.ts'
import {
  asideName,
  exchangeKeys,
  FIRST,
  fingerprintOf,
  KEY_FILES,
  keyIdOf,
  keysFolder,
  publicKeyOf,
  SuccessionState,
  SECRET_FILES,
} from './key-files.ts'
import { makeFolderDurably, renameDurably, writeDurably } from '../../../lib/durable-file.ts'
import { readSecret, sealSecret, writeSecret, type VaultKey } from '../../base/vault.ts'

import { NO_REPAIRS, type KeyRepairs } from './judge-keys.ts'

export type ControllerKeys = {
  tls: { key: string; cert: string }
  fingerprint: Fingerprint
  /** Only the signing thread uses the private half. */
  command: { keyFile: string; /** SPKI DER, base64 */ publicKey: string; keyId: string }
  /** SPKI DER, base64. Its private half is not read here. */
  recoveryKey: string
  succession: SuccessionState
  jwtSecret: string
  /** Signs download tickets. */
  ticketKey: Buffer
  /** Seals secrets in the arguments of installers. */
  argumentsKey: Buffer
  /** The key that seals the files, for the threads that read them. */
  vaultKey: VaultKey
}

const SECRET_KEY_BYTES = 32
const PEM = { type: 'pkcs8', format: 'pem' } as const
export const makeTlsKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(PEM).toString()
export const makeEd25519Key = (): string =>
  generateKeyPairSync('ed25519').privateKey.export(PEM).toString()
export const makeSecret = (): string => randomBytes(48).toString('base64url')
const makeSecretKey = (): string => randomBytes(SECRET_KEY_BYTES).toString('base64url')

function readOrMake(file: string, make: () => string, vault: VaultKey): Buffer {
  if (!existsSync(file)) writeSecret(file, make(), vault)
  return readSecret(file, vault)
}

/** The public half, in a file readable by everybody who can open the folder. */
function readPublic(file: string, privateKey: () => Buffer): string {
  if (!existsSync(file)) writeDurably(file, publicKeyOf(privateKey().toString('utf8')))
  return readFileSync(file, 'utf8')
}

/** Raw in folders of the first versions, otherwise base64url. */
function secretKeyOf(name: string, bytes: Buffer): Buffer {
  const key = bytes.length === SECRET_KEY_BYTES ? bytes : Buffer.from(bytes.toString(), 'base64url')
  if (key.length !== SECRET_KEY_BYTES)
    throw new Error(
      `The file ${name} does not contain a key. Remove it; the next start creates a new one.`,
    )
  return key
}

export function readSuccession(folder: string): SuccessionState {
  const file = join(folder, KEY_FILES.succession)
  if (!existsSync(file)) return FIRST
  return SuccessionState.parse(JSON.parse(readFileSync(file, 'utf8')))
}

function readSuccessionOr(folder: string, otherwise: SuccessionState): SuccessionState {
  try {
    return existsSync(join(folder, KEY_FILES.succession)) ? readSuccession(folder) : otherwise
  } catch {
    return otherwise
  }
}

/**
 * Public halves of the current and all previous command keys: one of them verifies any signature
 * ever made here.
 */
export function commandKeys(dataDir: string): KeyObject[] {
  const folder = keysFolder(dataDir)
  const present = readFileSync(join(folder, KEY_FILES.commandPublic), 'utf8')
  const past = readSuccession(folder).past.map(({ public_key }) => public_key)
  return [present, ...past].map((key) =>
    createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' }),
  )
}

/** The key that seals secrets in arguments, and its file. @throws errors of the file system */
export function readArgumentsKey(folder: string, vault: VaultKey): { file: string; key: Buffer } {
  const file = join(folder, KEY_FILES.installArguments)
  return { file, key: secretKeyOf(KEY_FILES.installArguments, readSecret(file, vault)) }
}

/** Moves damaged files aside, so that loading creates them again. Deletes nothing. */
function repair(folder: string, repairs: KeyRepairs): void {
  const past = readSuccessionOr(folder, FIRST).past
  const found = repairs.setAside.filter((name) => existsSync(join(folder, KEY_FILES[name])))
  if (found.length > 0) {
    const aside = asideName(folder)
    makeFolderDurably(aside)
    for (const name of found)
      renameDurably(join(folder, KEY_FILES[name]), join(aside, KEY_FILES[name]))
  }
  if (repairs.recoveryPublic !== null)
    writeDurably(join(folder, KEY_FILES.recoveryPublic), repairs.recoveryPublic)
  const { pastCommand: key } = repairs
  if (key !== null) {
    const kept = readSuccessionOr(folder, { ...FIRST, past })
    const state = { ...kept, past: [...kept.past, { key_id: keyIdOf(key), public_key: key }] }
    writeDurably(join(folder, KEY_FILES.succession), JSON.stringify(state))
  }
}

/**
 * Loads the keys in `DIR/keys`. Creates missing keys at the first start, and seals unsealed ones.
 * @param repairs what `judgeKeys` found; nothing else is created, unless the folder is new
 * @throws AppError E_KEYS_SEALED
 */
export async function loadKeys(
  dataDir: string,
  vault: VaultKey,
  repairs: KeyRepairs = NO_REPAIRS,
): Promise<ControllerKeys> {
  exchangeKeys(dataDir)
  const folder = keysFolder(dataDir)
  makeFolderDurably(folder)
  repair(folder, repairs)
  for (const name of SECRET_FILES) sealSecret(join(folder, name), vault)
  const secret = (name: string, make: () => string): Buffer =>
    readOrMake(join(folder, name), make, vault)
  const secretKey = (name: string): Buffer => secretKeyOf(name, secret(name, makeSecretKey))

  const tlsKey = secret(KEY_FILES.tlsKey, makeTlsKey).toString('utf8')
  const certFile = join(folder, KEY_FILES.tlsCert)
  if (!existsSync(certFile)) {
    // Needed once per key, and slow to load.
    const { selfSigned } = await import('./certificate.ts')
    writeDurably(certFile, await selfSigned(tlsKey, readSuccession(folder).statements))
  }
  const publicKey = readPublic(join(folder, KEY_FILES.commandPublic), () =>
    secret(KEY_FILES.command, makeEd25519Key),
  )
  return {
    tls: { key: tlsKey, cert: readFileSync(certFile, 'utf8') },
    fingerprint: fingerprintOf(createPrivateKey(tlsKey)),
    command: { keyFile: join(folder, KEY_FILES.command), publicKey, keyId: keyIdOf(publicKey) },
    recoveryKey: readPublic(join(folder, KEY_FILES.recoveryPublic), () =>
      secret(KEY_FILES.recovery, makeEd25519Key),
    ),
    succession: readSuccession(folder),
    jwtSecret: secret(KEY_FILES.accessTokens, makeSecret).toString('utf8'),
    ticketKey: secretKey(KEY_FILES.downloadTickets),
    argumentsKey: secretKey(KEY_FILES.installArguments),
    vaultKey: vault,
  }
}
