/** Runs slow work, and work with private keys in memory, outside the hub's thread. See index.ts. */
import { existsSync, rmSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { AppError, type WireError } from '#shared/contract/errors.ts'
import type { WorkerReply, WorkerRequest } from '../../base/ask-worker.ts'
import type { VaultKey } from '../../base/vault.ts'
import { snapshotDatabase } from '../../store/snapshot.ts'
import { exchangeKeys, keysFolder, nextKeysFolder } from './key-files.ts'
import { packRecoveryFile, type Manifest } from './recovery-file.ts'
import { forgetPlainRecoveryKey, sealRecoveryKey } from './recovery-key.ts'
import { stageRestore } from './restore.ts'
import { makeSuccessor, type Renewal } from './successor.ts'

export type IdentityWorkerData = {
  dataDir: string
  databaseFile: string
  migrationsDir: string
  vaultKey: VaultKey
}
export type IdentityTask =
  | { do: 'rotate'; renew: Renewal; at: string }
  | { do: 'save'; file: string; passphrase: string; manifest: Manifest }
  | { do: 'stage_restore'; file: string; passphrase: string; revoke: boolean; at: string }
/** An expected failure is sent as data: an error's class does not cross threads. */
export type IdentityAnswer = { ok: true } | { ok: false; error: WireError }

const { dataDir, databaseFile, migrationsDir, vaultKey: vault } = workerData as IdentityWorkerData
const keys = keysFolder(dataDir)

async function save(task: Extract<IdentityTask, { do: 'save' }>): Promise<void> {
  const snapshot = `${task.file}.snapshot`
  await sealRecoveryKey(keys, task.passphrase, vault)
  try {
    snapshotDatabase(databaseFile, snapshot)
    const { file, passphrase, manifest } = task
    await packRecoveryFile({ file, keys, vault, snapshot, passphrase, manifest })
  } finally {
    if (existsSync(snapshot)) rmSync(snapshot)
  }
  forgetPlainRecoveryKey(keys)
}

async function perform(task: IdentityTask): Promise<void> {
  switch (task.do) {
    case 'rotate': {
      const { renew, at } = task
      const next = nextKeysFolder(dataDir)
      await makeSuccessor({ keys, next, renew, recovery: null, vault, at })
      exchangeKeys(dataDir)
      return
    }
    case 'save':
      return save(task)
    case 'stage_restore':
      await stageRestore({ ...task, dataDir, migrationsDir })
  }
}

async function answer({
  id,
  question,
}: WorkerRequest<IdentityTask>): Promise<WorkerReply<IdentityAnswer>> {
  try {
    await perform(question)
    return { id, answer: { ok: true } }
  } catch (error) {
    if (error instanceof AppError)
      return { id, answer: { ok: false, error: error.toReply().error } }
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

parentPort!.on('message', (asked: WorkerRequest<IdentityTask>) => {
  void answer(asked).then((reply) => parentPort!.postMessage(reply))
})
