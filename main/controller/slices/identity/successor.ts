/** Makes the next set of keys and the signed statement by which agents follow. */
import { createPrivateKey, sign } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  SUCCESSION_LIMIT,
  successionText,
  type SignedSuccession,
  type Succession,
} from '#shared/contract/agent/succession.ts'
import {
  beginKeys,
  fingerprintOf,
  KEY_FILES,
  keyIdOf,
  publicKeyOf,
  sealKeys,
  type SuccessionState,
} from './key-files.ts'
import { copyDurably, writeDurably } from '../../../lib/durable-file.ts'
import { readSecret, writeSecret, type VaultKey } from '../../base/vault.ts'
import { makeEd25519Key, makeSecret, makeTlsKey, readSuccession } from './keys.ts'

export type Renewal = { tls: boolean; command: boolean }

/**
 * Writes a complete new set into `next`. Keys that are not renewed are copied.
 * @param recovery the private recovery key, PEM: renews everything including secrets, and starts a
 * new generation; null: the current command key signs
 */
export async function makeSuccessor(options: {
  keys: string
  next: string
  renew: Renewal
  recovery: string | null
  vault: VaultKey
  /** ISO time. */
  at: string
}): Promise<void> {
  const { keys, next, recovery, vault } = options
  const renew = recovery === null ? options.renew : { tls: true, command: true }
  const read = (name: string): string => readSecret(join(keys, name), vault).toString('utf8')
  const before = readSuccession(keys)
  const oldCommand = read(KEY_FILES.command)
  const command = renew.command ? makeEd25519Key() : oldCommand
  const tls = renew.tls ? makeTlsKey() : read(KEY_FILES.tlsKey)

  const isRecovery = recovery !== null
  const commandKey = publicKeyOf(command)
  const payload = JSON.stringify({
    generation: before.generation + (isRecovery ? 1 : 0),
    epoch: isRecovery ? 0 : before.epoch + 1,
    command_key: commandKey,
    key_id: keyIdOf(commandKey),
    recovery_key: read(KEY_FILES.recoveryPublic),
    fingerprint: fingerprintOf(createPrivateKey(tls)),
    issued_at: options.at,
  } satisfies Succession)
  const key = createPrivateKey(recovery ?? oldCommand)
  const statement: SignedSuccession = {
    payload,
    signer: isRecovery ? 'recovery' : 'command',
    signature: sign(null, Buffer.from(successionText(payload)), key).toString('base64'),
  }
  const { generation, epoch } = JSON.parse(payload) as Succession
  const oldKey = publicKeyOf(oldCommand)
  const state: SuccessionState = {
    generation,
    epoch,
    changed_at: options.at,
    // Anyone who knows the recovery key accepts a recovery, whatever came before it.
    statements: [...(isRecovery ? [] : before.statements), statement].slice(-SUCCESSION_LIMIT),
    past: renew.command
      ? [...before.past, { key_id: keyIdOf(oldKey), public_key: oldKey }]
      : before.past,
  }

  beginKeys(next)
  const { selfSigned } = await import('./certificate.ts')
  const put = (name: string, secret: string): void => writeSecret(join(next, name), secret, vault)
  put(KEY_FILES.command, command)
  put(KEY_FILES.tlsKey, tls)
  writeDurably(join(next, KEY_FILES.commandPublic), commandKey)
  writeDurably(join(next, KEY_FILES.tlsCert), await selfSigned(tls, state.statements))
  writeDurably(join(next, KEY_FILES.succession), JSON.stringify(state))
  // The holder of the lost computer has these too.
  if (isRecovery) put(KEY_FILES.accessTokens, makeSecret())
  const kept = [
    KEY_FILES.recoveryPublic,
    KEY_FILES.recoverySealed,
    KEY_FILES.recovery,
    // Another one would open nothing of what is stored.
    KEY_FILES.installArguments,
  ]
  const also = isRecovery ? [] : [KEY_FILES.accessTokens, KEY_FILES.downloadTickets]
  for (const name of [...kept, ...also])
    if (existsSync(join(keys, name))) copyDurably(join(keys, name), join(next, name))
  sealKeys(next)
}
