/**
 * The recovery key's private half. It is in plain text in the data folder only until a recovery
 * file is saved for the first time; from then on it is sealed under that file's passphrase, so that
 * a stolen computer does not reveal it.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createPrivateKey } from 'node:crypto'
import { AppError } from '#shared/contract/errors.ts'
import { writeDurably } from '../../../lib/durable-file.ts'
import { readSecret, type VaultKey } from '../../base/vault.ts'
import { KEY_FILES, publicKeyOf } from './key-files.ts'
import { isSealedText, sealText, unsealText } from './sealing.ts'

const ABOUT = 'deployx recovery key v1'

export const isRecoverySealed = (folder: string): boolean =>
  existsSync(join(folder, KEY_FILES.recoverySealed))

const unusable = (file: string, why: string): AppError =>
  new AppError(
    'E_KEYS_DAMAGED',
    `The recovery key in ${file} ${why}. No recovery file can be saved with it. Keep the last recovery file: it contains the key.`,
  )

/**
 * @throws AppError E_KEYS_DAMAGED if this is not the private half of the recovery key that agents
 * know
 */
function checkIsRecoveryKey(folder: string, file: string, pem: string): void {
  let own: string
  try {
    own = publicKeyOf(createPrivateKey(pem))
  } catch {
    throw unusable(file, pem.length === 0 ? 'is empty' : 'is damaged')
  }
  if (own !== readFileSync(join(folder, KEY_FILES.recoveryPublic), 'utf8'))
    throw unusable(file, 'belongs to another controller')
}

/** The private key, PEM. @throws AppError E_PASSPHRASE, E_KEYS_DAMAGED */
export async function unsealRecoveryKey(folder: string, passphrase: string): Promise<string> {
  const file = join(folder, KEY_FILES.recoverySealed)
  const sealed = readFileSync(file, 'utf8')
  if (!isSealedText(sealed)) throw unusable(file, sealed.length === 0 ? 'is empty' : 'is damaged')
  const pem = await unsealText(passphrase, ABOUT, sealed)
  checkIsRecoveryKey(folder, file, pem)
  return pem
}

/**
 * Seals it if it is not sealed yet, otherwise verifies the passphrase. @throws AppError
 * E_PASSPHRASE, E_KEYS_DAMAGED
 */
export async function sealRecoveryKey(
  folder: string,
  passphrase: string,
  vault: VaultKey,
): Promise<void> {
  if (isRecoverySealed(folder)) await unsealRecoveryKey(folder, passphrase)
  else {
    const file = join(folder, KEY_FILES.recovery)
    if (!existsSync(file)) throw unusable(file, 'is missing')
    const pem = readSecret(file, vault).toString('utf8')
    checkIsRecoveryKey(folder, file, pem)
    writeDurably(join(folder, KEY_FILES.recoverySealed), await sealText(passphrase, ABOUT, pem))
  }
}

/**
 * Call it once a recovery file is stored safely: from then on only the passphrase opens the key.
 */
export function forgetPlainRecoveryKey(folder: string): void {
  if (isRecoverySealed(folder)) rmSync(join(folder, KEY_FILES.recovery), { force: true })
}
