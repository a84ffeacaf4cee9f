/**
 * The files in `DIR/keys`: written atomically, readable only by this user, and exchanged together
 * when keys change.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { PublicKey } from '#shared/contract/keys.ts'
import { SignedSuccession } from '#shared/contract/agent/succession.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import { renameDurably, writeDurably } from '../../../lib/durable-file.ts'

export const KEY_FILES = {
  tlsKey: 'hub-tls.key',
  tlsCert: 'hub-tls.crt',
  command: 'command-signing.key',
  commandPublic: 'command-signing.pub',
  accessTokens: 'access-token.key',
  /** The recovery key in plain text, until it is sealed under a passphrase. */
  recovery: 'recovery.key',
  recoverySealed: 'recovery.sealed.json',
  recoveryPublic: 'recovery.pub',
  succession: 'succession.json',
  downloadTickets: 'content.key',
  /** Seals secrets in the arguments of installers. */
  installArguments: 'install-arguments.key',
} as const
/** Files that a keystore protects if there is one. */
export const SECRET_FILES: readonly string[] = [
  KEY_FILES.tlsKey,
  KEY_FILES.command,
  KEY_FILES.accessTokens,
  KEY_FILES.recovery,
  KEY_FILES.downloadTickets,
  KEY_FILES.installArguments,
]
/** The key that seals these files; the keystore protects it. */
export const vaultFile = (dataDir: string): string => join(dataDir, 'keystore.sealed')

export const keysFolder = (dataDir: string): string => join(dataDir, 'keys')
/** A complete new set of keys, about to become `keys`. */
export const nextKeysFolder = (dataDir: string): string => join(dataDir, 'keys.next')
export const lastKeysFolder = (dataDir: string): string => join(dataDir, 'keys.last')
/** Written last: a set without it is incomplete. */
const WHOLE = 'whole'

/** The changes that led to the current keys. */
export const SuccessionState = z.object({
  generation: z.number().int().nonnegative(),
  epoch: z.number().int().nonnegative(),
  /** Null while the keys are those of the first start. */
  changed_at: z.iso.datetime().nullable(),
  statements: z.array(SignedSuccession),
  /** Previous command keys, oldest first: their signatures still have to be verified. */
  past: z.array(z.object({ key_id: z.string(), public_key: PublicKey })),
})
export type SuccessionState = z.infer<typeof SuccessionState>
export const FIRST: SuccessionState = {
  generation: 0,
  epoch: 0,
  changed_at: null,
  statements: [],
  past: [],
}

/** `sha256/` + base64 of the SHA-256 over the key's SubjectPublicKeyInfo. */
export const fingerprintOf = (key: KeyObject): Fingerprint => fingerprintOfPublic(publicKeyOf(key))

/** Of a public key, SPKI DER, base64. */
export const fingerprintOfPublic = (publicKey: string): Fingerprint =>
  `sha256/${createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('base64')}`

/** SPKI DER, base64. Accepts a private key too. */
export const publicKeyOf = (key: KeyObject | string): string =>
  createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')

/** The short name that agents use for a command key. */
export const keyIdOf = (publicKey: string): string =>
  createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 16)

/** An empty folder for a new set; removes what a crash left there. */
export function beginKeys(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { mode: 0o700, recursive: true })
}

/** Marks the new set as completely written. */
export function sealKeys(folder: string): void {
  writeDurably(join(folder, WHOLE), '')
}

/** The files in every set that a key change has written. */
const IN_EVERY_SET = [
  KEY_FILES.tlsKey,
  KEY_FILES.tlsCert,
  KEY_FILES.command,
  KEY_FILES.commandPublic,
  KEY_FILES.recoveryPublic,
  KEY_FILES.succession,
]
const isFilled = (file: string): boolean =>
  (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0

/** Sealed by `sealKeys`, and actually complete. */
export const isWholeSet = (folder: string): boolean =>
  existsSync(join(folder, WHOLE)) && IN_EVERY_SET.every((name) => isFilled(join(folder, name)))

/** A unique name beside the data folder's files, for what is moved aside. */
export const asideName = (path: string): string =>
  `${path}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`

/**
 * Replaces the old set with the new one by two renames. The next start calls this too and repairs a
 * crash between them: a complete new set takes over, anything less leaves the old one. A set that
 * is marked as complete but is not is moved aside; the last keys of a folder are never removed.
 * @returns where it was moved, or null
 */
export function exchangeKeys(dataDir: string): string | null {
  let setAside: string | null = null
  const [keys, next, last] = [keysFolder(dataDir), nextKeysFolder(dataDir), lastKeysFolder(dataDir)]
  if (isWholeSet(next)) {
    if (existsSync(keys)) {
      rmSync(last, { recursive: true, force: true })
      renameDurably(keys, last)
    }
    renameDurably(next, keys)
    rmSync(join(keys, WHOLE), { force: true })
  } else {
    if (!existsSync(keys) && existsSync(last)) renameDurably(last, keys)
    if (existsSync(join(next, WHOLE))) {
      setAside = asideName(next)
      renameDurably(next, setAside)
    }
  }
  // Left behind by an exchange: useful only if the keys themselves are missing.
  if (!isFilled(join(keys, KEY_FILES.tlsKey)) || !isFilled(join(keys, KEY_FILES.command)))
    return setAside
  rmSync(next, { recursive: true, force: true })
  rmSync(last, { recursive: true, force: true })
  return setAside
}
