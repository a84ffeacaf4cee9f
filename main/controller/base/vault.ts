/**
 * Secrets in files, sealed if the operating system can store a key. That key is never in a file of
 * DeployX, so files copied from the disk or a backup reveal nothing.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { AppError } from '#shared/contract/errors.ts'
import { writeDurably } from '../../lib/durable-file.ts'

/** The operating system's keystore, as the desktop app provides it. */
export type Keystore = {
  protect: (secret: string) => Buffer
  /** Throws if the keystore refuses: another user, a new keyring. */
  unprotect: (bytes: Buffer) => string
}
/** 32 bytes that seal the other secrets; null if there is no keystore. */
export type VaultKey = Uint8Array | null

const MARK = Buffer.from('DEPLOYX-SEALED-1\n')
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

export const lockedByKeystore = (file: string, cause?: unknown): AppError =>
  new AppError(
    'E_KEYS_SEALED',
    `The key in ${file} is protected by the keystore of the computer and user that created it, and that keystore refused access. ` +
      'Unlock that keystore and start the desktop app again, or restore a recovery file into an empty data folder.',
    [],
    { cause },
  )

const isSealed = (bytes: Buffer): boolean => bytes.subarray(0, MARK.length).equals(MARK)
export const isSealedFile = (file: string): boolean => isSealed(readFileSync(file))

function seal(plain: Buffer, key: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  return Buffer.concat([MARK, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Sealed if there is a key to seal with. Readable only by this user in either case. */
export function writeSecret(file: string, secret: string | Buffer, key: VaultKey): void {
  const plain = Buffer.from(secret)
  writeDurably(file, key ? seal(plain, key) : plain)
}

/** @throws AppError E_KEYS_SEALED if it is sealed with another key */
export function readSecret(file: string, key: VaultKey): Buffer {
  const bytes = readFileSync(file)
  if (!isSealed(bytes)) return bytes
  if (!key) throw lockedByKeystore(file)
  const body = bytes.subarray(MARK.length)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, NONCE_BYTES))
    decipher.setAuthTag(body.subarray(-TAG_BYTES))
    return Buffer.concat([
      decipher.update(body.subarray(NONCE_BYTES, -TAG_BYTES)),
      decipher.final(),
    ])
  } catch (error) {
    throw lockedByKeystore(file, error)
  }
}

/** Seals a file that was written in plain text while there was no keystore. */
export function sealSecret(file: string, key: VaultKey): void {
  if (key && existsSync(file) && !isSealed(readFileSync(file)))
    writeSecret(file, readFileSync(file), key)
}

/**
 * The sealing key, which the keystore decrypts from `file`; created at the first start that has a
 * keystore.
 * @throws AppError E_KEYS_SEALED
 */
export function openVault(file: string, keystore: Keystore | null): VaultKey {
  if (!keystore) return null
  if (!existsSync(file)) {
    const key = randomBytes(KEY_BYTES)
    writeDurably(file, keystore.protect(key.toString('base64')))
    return key
  }
  try {
    const key = Buffer.from(keystore.unprotect(readFileSync(file)), 'base64')
    if (key.length !== KEY_BYTES) throw new Error('not a key')
    return key
  } catch (error) {
    throw lockedByKeystore(file, error)
  }
}
