/** The files in `DIR/keys`: written whole, readable by this user alone, and exchanged all at once when keys change. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { PublicKey } from '#shared/contract/keys.ts'
import { SignedSuccession } from '#shared/contract/succession.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import { renameDurably, writeDurably } from '../../lib/durable-file.ts'

export const KEY_FILES = {
  tlsKey: 'hub-tls.key',
  tlsCert: 'hub-tls.crt',
  command: 'command-signing.key',
  commandPublic: 'command-signing.pub',
  accessTokens: 'access-token.key',
  /** The recovery key in plain, until it is sealed under a passphrase. */
  recovery: 'recovery.key',
  recoverySealed: 'recovery.sealed.json',
  recoveryPublic: 'recovery.pub',
  succession: 'succession.json',
  downloadTickets: 'content.key',
} as const
/** Those that a keystore protects where there is one. */
export const SECRET_FILES: readonly string[] = [
  KEY_FILES.tlsKey,
  KEY_FILES.command,
  KEY_FILES.accessTokens,
  KEY_FILES.recovery,
  KEY_FILES.downloadTickets,
]
/** What the keystore protects: the key that seals these. */
export const vaultFile = (dataDir: string): string => join(dataDir, 'keystore.sealed')

export const keysFolder = (dataDir: string): string => join(dataDir, 'keys')
/** A whole new set of keys, on its way to become `keys`. */
export const nextKeysFolder = (dataDir: string): string => join(dataDir, 'keys.next')
export const lastKeysFolder = (dataDir: string): string => join(dataDir, 'keys.last')
/** Written last: a set without it is not whole. */
const WHOLE = 'whole'

/** What is known of the changes that led to the present keys. */
export const SuccessionState = z.object({
  generation: z.number().int().nonnegative(),
  epoch: z.number().int().nonnegative(),
  /** Null while the keys are those of the first start. */
  changed_at: z.iso.datetime().nullable(),
  statements: z.array(SignedSuccession),
  /** Command keys of before, oldest first: what they signed still has to be proven. */
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

/** SPKI DER, base64. Takes a private key too. */
export const publicKeyOf = (key: KeyObject | string): string =>
  createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')

/** The short name by which agents know a command key. */
export const keyIdOf = (publicKey: string): string =>
  createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 16)

/** An empty folder for a new set; what a crash left there is gone. */
export function beginKeys(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { mode: 0o700, recursive: true })
}

/** Says that every file of the new set is written. */
export function sealKeys(folder: string): void {
  writeDurably(join(folder, WHOLE), '')
}

/** Whatever a set consists of when a change of keys has written it. */
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

/** Sealed by `sealKeys`, and really complete. */
export const isWholeSet = (folder: string): boolean =>
  existsSync(join(folder, WHOLE)) && IN_EVERY_SET.every((name) => isFilled(join(folder, name)))

/** A name of its own beside the data folder's files, for what is moved aside. */
export const asideName = (path: string): string =>
  `${path}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`

/**
 * Puts the new set in the place of the old one. Two renames, and a crash between them is healed by the next start, which
 * calls this too: whole new keys take their place, anything less leaves the old ones. A set that says it is whole and is
 * not is moved aside; the last keys of a folder are never removed.
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
  // What an exchange left behind: of use only where the keys themselves are not.
  if (!isFilled(join(keys, KEY_FILES.tlsKey)) || !isFilled(join(keys, KEY_FILES.command)))
    return setAside
  rmSync(next, { recursive: true, force: true })
  rmSync(last, { recursive: true, force: true })
  return setAside
}
