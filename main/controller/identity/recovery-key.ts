/**
 * The recovery key's private half. It lies in the data folder in plain only until a recovery file is saved for the first time;
 * from then on it is sealed under the passphrase of that file, so that a stolen computer does not hold it.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readSecret, writeWhole, type VaultKey } from '../lib/vault.ts'
import { KEY_FILES } from './key-files.ts'
import { sealText, unsealText } from './sealing.ts'

const ABOUT = 'deployx recovery key v1'

export const isRecoverySealed = (folder: string): boolean =>
  existsSync(join(folder, KEY_FILES.recoverySealed))

/** The private key, PEM. @throws AppError E_PASSPHRASE */
export function unsealRecoveryKey(folder: string, passphrase: string): Promise<string> {
  return unsealText(passphrase, ABOUT, readFileSync(join(folder, KEY_FILES.recoverySealed), 'utf8'))
}

/** Seals it when that was not done, else checks that the passphrase is the one. @throws AppError E_PASSPHRASE */
export async function sealRecoveryKey(
  folder: string,
  passphrase: string,
  vault: VaultKey,
): Promise<void> {
  if (isRecoverySealed(folder)) await unsealRecoveryKey(folder, passphrase)
  else {
    const pem = readSecret(join(folder, KEY_FILES.recovery), vault).toString('utf8')
    writeWhole(join(folder, KEY_FILES.recoverySealed), await sealText(passphrase, ABOUT, pem))
  }
}

/** Call it once a recovery file is safe: from then on the passphrase alone opens the key. */
export function forgetPlainRecoveryKey(folder: string): void {
  if (isRecoverySealed(folder)) rmSync(join(folder, KEY_FILES.recovery), { force: true })
}
