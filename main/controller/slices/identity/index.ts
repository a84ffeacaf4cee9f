/**
 * The controller's identity: its keys, how they change while agents follow, and how it is backed up
 * and restored elsewhere. docs/security.md explains what each of this defends against.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '#shared/contract/errors.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, type Clock, type Now, type Random, type Viewer } from '../../base/context.ts'
import { createAskWorker } from '../../base/ask-worker.ts'
import { writeDurably } from '../../../lib/durable-file.ts'
import { openVault, type Keystore } from '../../base/vault.ts'
import { NO_REPAIRS, type KeyRepairs } from './judge-keys.ts'
import { loadKeys, type ControllerKeys } from './keys.ts'
import { isRecoverySealed } from './recovery-key.ts'
import { keysFolder, vaultFile } from './key-files.ts'
import type { RememberedKeys } from './remembered.ts'
import { checkRestorable, type Restored } from './restore.ts'
import type { Renewal } from './successor.ts'
import type { IdentityAnswer, IdentityTask, IdentityWorkerData } from './worker.ts'

export { hasKeys, inspectKeys, type KeySetFacts } from './inspect-keys.ts'
export {
  judgeKeys,
  NO_REPAIRS,
  type KeyIssue,
  type KeyIssueCode,
  type KeyRepairs,
} from './judge-keys.ts'
export { exchangeKeys as settleKeys, vaultFile } from './key-files.ts'
export { parseRemembered } from './remembered.ts'
export { commandKeys, readArgumentsKey, type ControllerKeys } from './keys.ts'
export { applyRestore, stageRestore, type Restored } from './restore.ts'

/** @throws AppError E_KEYS_SEALED */
export const openKeys = (
  dataDir: string,
  keystore: Keystore | null,
  repairs: KeyRepairs = NO_REPAIRS,
): Promise<ControllerKeys> => loadKeys(dataDir, openVault(vaultFile(dataDir), keystore), repairs)

/** The JSON that the database stores about these keys. */
export const toRemember = (keys: ControllerKeys): string =>
  JSON.stringify({
    fingerprint: keys.fingerprint,
    command_key: keys.command.publicKey,
    recovery_key: keys.recoveryKey,
    generation: keys.succession.generation,
    epoch: keys.succession.epoch,
  } satisfies RememberedKeys)

/** Copying and encrypting a database of gigabytes takes a while. */
const TASK_TIMEOUT_MS = 30 * 60_000

/** When a recovery file was last saved. Kept beside the keys, which are exchanged as a whole. */
const SAVED = 'recovery-saved.json'
const Saved = z.object({ saved_at: z.iso.datetime() })

export type ControllerIdentity = ReturnType<typeof createIdentity>
/** A file that the caller has to send and then remove. */
export type TemporaryFile = { file: string; remove: () => void }

export function createIdentity(deps: {
  dataDir: string
  databaseFile: string
  migrationsDir: string
  workersDir: string | null
  version: string
  keys: ControllerKeys
  /** What this start restored from a recovery file. */
  restored: Restored | null
  now: Now
  clock: Clock
  random: Random
  audit: Audit
}) {
  const { dataDir, databaseFile, workersDir, now } = deps
  let current = deps.keys
  const listeners = new Set<(keys: ControllerKeys, before: ControllerKeys) => void>()
  let isBusy = false
  const worker = createAskWorker<IdentityTask, IdentityAnswer>({
    file: workersDir ? join(workersDir, 'identity.js') : join(import.meta.dirname, 'worker.ts'),
    data: {
      dataDir,
      databaseFile,
      migrationsDir: deps.migrationsDir,
      vaultKey: deps.keys.vaultKey,
    } satisfies IdentityWorkerData,
    timeoutMs: TASK_TIMEOUT_MS,
    limit: 1,
    clock: deps.clock,
  })

  /**
   * One at a time: two would write the same files. @throws AppError E_ILLEGAL_STATE, and what the
   * task throws
   */
  async function perform(task: IdentityTask): Promise<void> {
    if (isBusy) throw AppError.of('keys_busy', {})
    isBusy = true
    try {
      const reply = await worker.ask(task)
      if (!reply.ok) throw AppError.fromWire(reply.error)
    } finally {
      isBusy = false
    }
  }

  const savedFile = join(dataDir, SAVED)
  const noteSaved = (saved_at: string): void =>
    writeDurably(savedFile, JSON.stringify({ saved_at }))
  function savedAt(): string | null {
    if (!existsSync(savedFile)) return null
    try {
      return Saved.parse(JSON.parse(readFileSync(savedFile, 'utf8'))).saved_at
    } catch {
      return null
    }
  }

  const { restored } = deps
  if (restored) {
    noteSaved(restored.saved_at)
    deps.audit.record(
      null,
      'controller.restore',
      `recovery file of ${restored.saved_at}`,
      restored.revoked ? 'with new keys: the previous ones are invalid' : '',
    )
  }

  return {
    /** The current keys. Call it each time: they may change. */
    keys: (): ControllerKeys => current,
    /** Called once the new keys are in force. Returns the function that removes the listener. */
    onChange(listener: (keys: ControllerKeys, before: ControllerKeys) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    describe() {
      const { fingerprint, command, succession } = current
      return {
        fingerprint,
        key_id: command.keyId,
        generation: succession.generation,
        epoch: succession.epoch,
        changed_at: succession.changed_at,
        /** Whether the operating system's keystore protects the key files. */
        keystore: current.vaultKey !== null,
        /** Whether a recovery file has ever been saved. */
        recovery_saved: isRecoverySealed(keysFolder(dataDir)),
        recovery_saved_at: savedAt(),
      }
    },

    /**
     * Makes new keys. Agents follow by the statement in the hub's certificate, including those that
     * are offline now.
     * @throws AppError E_ILLEGAL_STATE while another change is under way
     */
    async rotate(viewer: Viewer, renew: Renewal): Promise<void> {
      await perform({ do: 'rotate', renew, at: isoTime(now()) })
      const before = current
      current = await loadKeys(dataDir, before.vaultKey)
      const which = [renew.tls && 'hub', renew.command && 'command'].filter(Boolean).join(' and ')
      deps.audit.record(
        viewer,
        'controller.rotate_keys',
        `${which} key`,
        `now ${current.fingerprint}, ${current.command.keyId}`,
      )
      for (const listener of listeners) listener(current, before)
    },

    /**
     * Keys and database, sealed under the passphrase. The first one also becomes the passphrase of
     * the recovery key.
     * @throws AppError E_PASSPHRASE if it is not the first one, E_ILLEGAL_STATE
     */
    async saveRecoveryFile(viewer: Viewer, passphrase: string): Promise<TemporaryFile> {
      const folder = join(dataDir, 'temporary')
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const file = join(folder, `recovery-${deps.random.bytes(8).toString('hex')}`)
      const remove = (): void => rmSync(file, { force: true })
      const saved_at = isoTime(now())
      const { fingerprint } = current
      const manifest = { version: deps.version, saved_at, fingerprint }
      try {
        // Recorded first, so that the file contains the record.
        deps.audit.record(viewer, 'controller.save_recovery', 'recovery file', '')
        await perform({ do: 'save', file, passphrase, manifest })
        noteSaved(saved_at)
      } catch (error) {
        remove()
        throw error
      }
      return { file, remove }
    },

    /** @throws AppError E_SETUP_DONE if this controller is already in use */
    checkRestorable: (): void => checkRestorable(dataDir),
    /**
     * Verifies and unpacks a recovery file; the controller's next start restores it.
     * @throws AppError E_SETUP_DONE, E_PASSPHRASE, E_RECOVERY_FILE, E_ILLEGAL_STATE
     */
    async stageRestore(file: string, passphrase: string, revoke: boolean): Promise<void> {
      await perform({ do: 'stage_restore', file, passphrase, revoke, at: isoTime(now()) })
    },

    stop: worker.stop,
  }
}
