/** Inspects every key file without changing any. */
import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { SUCCESSION_NAME } from '#shared/contract/agent/succession.ts'
import { isSealedFile, readSecret, type VaultKey } from '../../base/vault.ts'
import {
  isWholeSet,
  KEY_FILES,
  keysFolder,
  lastKeysFolder,
  nextKeysFolder,
  publicKeyOf,
  SECRET_FILES,
  SuccessionState,
  vaultFile,
} from './key-files.ts'
import { isSealedText } from './sealing.ts'
import { parseJson } from './remembered.ts'

/** `sealed`: by a keystore that is not available, so its state is unknown. */
export type KeyFileState = 'ok' | 'missing' | 'empty' | 'damaged' | 'sealed' | 'unreadable'
export type KeyFileFacts = {
  state: KeyFileState
  /** SPKI DER, base64: of a key, or of the certificate's key. */
  publicKey: string | null
}
export type KeyName = keyof typeof KEY_FILES

export type KeySetFacts = {
  /** Where the current set lies. */
  folder: string
  files: Record<KeyName, KeyFileFacts>
  succession: SuccessionState | null
  certificate: { statements: number; isExpired: boolean }
  /** A file that the available keystore cannot open. */
  locked: string | null
  /** `DIR/keystore.sealed`, without which sealed keys stay closed. */
  vaultFile: 'ok' | 'missing' | 'empty'
  /** A set that is marked as complete but is not. */
  isNextBroken: boolean
}

/** Shorter secrets can be guessed; DeployX generates 64 characters. */
const ACCESS_TOKEN = /^[A-Za-z0-9_-]{43,512}$/
const SECRET_KEY_BYTES = 32

/** The folder whose keys the next start uses; see `exchangeKeys`. */
export function presentKeysFolder(dataDir: string): string {
  if (isWholeSet(nextKeysFolder(dataDir))) return nextKeysFolder(dataDir)
  const keys = keysFolder(dataDir)
  return !existsSync(keys) && existsSync(lastKeysFolder(dataDir)) ? lastKeysFolder(dataDir) : keys
}

/** True if there is any key file: this folder has belonged to a controller. */
export function hasKeys(dataDir: string): boolean {
  return [keysFolder(dataDir), nextKeysFolder(dataDir), lastKeysFolder(dataDir)].some(
    (folder) =>
      existsSync(folder) && statSync(folder).isDirectory() && readdirSync(folder).length > 0,
  )
}

type Look = (bytes: Buffer) => string | null | false
const spkiOf = (key: KeyObject): string =>
  key.export({ type: 'spki', format: 'der' }).toString('base64')
const isEc = (key: KeyObject): boolean =>
  key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
const isEd25519 = (key: KeyObject): boolean => key.asymmetricKeyType === 'ed25519'

const privateKey =
  (isKind: (key: KeyObject) => boolean): Look =>
  (bytes) => {
    const key = createPrivateKey(bytes)
    return isKind(key) && publicKeyOf(key)
  }
const publicKey: Look = (bytes) => {
  const der = Buffer.from(bytes.toString('utf8'), 'base64')
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  return isEd25519(key) && spkiOf(key)
}
const matches =
  (test: (bytes: Buffer) => boolean): Look =>
  (bytes) =>
    test(bytes) ? null : false

const secretKey = matches(
  (bytes) =>
    bytes.some((byte) => byte !== 0) &&
    (bytes.length === SECRET_KEY_BYTES ||
      Buffer.from(bytes.toString('latin1'), 'base64url').length === SECRET_KEY_BYTES),
)

const LOOKS: Record<KeyName, Look> = {
  tlsKey: privateKey(isEc),
  tlsCert: (bytes) => spkiOf(new X509Certificate(bytes).publicKey),
  command: privateKey(isEd25519),
  commandPublic: publicKey,
  accessTokens: matches((bytes) => ACCESS_TOKEN.test(bytes.toString('latin1'))),
  recovery: privateKey(isEd25519),
  recoverySealed: matches((bytes) => isSealedText(bytes.toString('utf8'))),
  recoveryPublic: publicKey,
  succession: matches((bytes) => SuccessionState.safeParse(parseJson(bytes.toString())).success),
  downloadTickets: secretKey,
  installArguments: secretKey,
}

function lookAt(file: string, name: KeyName, vault: VaultKey): KeyFileFacts {
  const is = (state: KeyFileState): KeyFileFacts => ({ state, publicKey: null })
  let size: number
  let bytes: Buffer
  try {
    size = statSync(file).size
    if (size === 0) return is('empty')
    const isSecret = SECRET_FILES.includes(KEY_FILES[name])
    if (isSecret && isSealedFile(file) && !vault) return is('sealed')
    bytes = isSecret ? readSecret(file, vault) : readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return is('missing')
    // Sealed with another key, or damaged: `inspectKeys` decides based on the other files.
    if (code === 'E_KEYS_SEALED') return is('sealed')
    return is(code === 'EISDIR' ? 'damaged' : 'unreadable')
  }
  try {
    const found = LOOKS[name](bytes)
    return found === false ? is('damaged') : { state: 'ok', publicKey: found }
  } catch {
    return is('damaged')
  }
}

/** True if any of these files was sealed by a keystore. */
const anySealed = (folder: string): boolean =>
  SECRET_FILES.some((name) => existsSync(join(folder, name)) && isSealedFile(join(folder, name)))

/** @param vault opens the files that a keystore protects; null: they are assumed to be valid */
export function inspectKeys(dataDir: string, vault: VaultKey): KeySetFacts {
  const folder = presentKeysFolder(dataDir)
  const names = Object.keys(KEY_FILES) as KeyName[]
  const files = Object.fromEntries(
    names.map((name) => [name, lookAt(join(folder, KEY_FILES[name]), name, vault)]),
  ) as Record<KeyName, KeyFileFacts>
  const isVaultRight = names.some(
    (name) =>
      SECRET_FILES.includes(KEY_FILES[name]) &&
      files[name].state === 'ok' &&
      isSealedFile(join(folder, KEY_FILES[name])),
  )
  if (vault && isVaultRight)
    for (const name of names) if (files[name].state === 'sealed') files[name].state = 'damaged'

  const locked = names.find((name) => files[name].state === 'sealed')
  const read = (name: KeyName): Buffer => readFileSync(join(folder, KEY_FILES[name]))
  const certificate = files.tlsCert.state === 'ok' ? new X509Certificate(read('tlsCert')) : null
  const vaultSize = statSync(vaultFile(dataDir), { throwIfNoEntry: false })?.size
  return {
    folder,
    files,
    succession:
      files.succession.state === 'ok'
        ? SuccessionState.parse(parseJson(read('succession').toString()))
        : null,
    certificate: {
      statements: (certificate?.subjectAltName ?? '').split(`URI:${SUCCESSION_NAME}`).length - 1,
      isExpired: certificate !== null && Date.parse(certificate.validTo) < Date.now(),
    },
    locked: locked === undefined ? null : join(folder, KEY_FILES[locked]),
    vaultFile: !anySealed(folder) || vaultSize ? 'ok' : vaultSize === 0 ? 'empty' : 'missing',
    isNextBroken: isBrokenNext(dataDir),
  }
}

function isBrokenNext(dataDir: string): boolean {
  const next = nextKeysFolder(dataDir)
  return existsSync(join(next, 'whole')) && !isWholeSet(next)
}
