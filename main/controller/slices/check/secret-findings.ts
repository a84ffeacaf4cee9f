/** Secrets in the arguments of software that the argument key of this folder does not open. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { opensArguments } from '../../base/sealed-arguments.ts'
import type { VaultKey } from '../../base/vault.ts'
import { readArgumentsKey } from '../identity/index.ts'
import type { SealedInstaller } from './contents.repo.ts'
import { worded, type Finding } from './finding.ts'
import { listed } from './folder-findings.ts'

/** @param keysFolder with an argument key that can be read */
export function secretFindings(
  keysFolder: string,
  vault: VaultKey,
  sealed: readonly SealedInstaller[],
): Finding[] {
  if (sealed.length === 0) return []
  const { file, key } = readArgumentsKey(keysFolder, vault)
  const closed = sealed.filter(({ sealed_args }) => !opensArguments(key, sealed_args))
  return listed([...new Set(closed.map(({ software }) => software))], (software) => ({
    code: 'secrets_unreadable',
    severity: 'warning',
    file,
    ...worded(
      [coded('check_secrets_closed', { file, software })],
      [coded('cure_secrets_closed', {})],
    ),
  }))
}
