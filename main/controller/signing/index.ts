/**
 * The command key's only home. It is read by a worker thread of its own and never enters the hub's thread; the worker signs
 * no command that the store does not know. What that defends, and what not: docs/security.md.
 */
import { join } from 'node:path'
import { createAskWorker } from '../lib/ask-worker.ts'
import type { VaultKey } from '../lib/vault.ts'

export type SigningData = {
  keyFile: string
  vaultKey: VaultKey
  databaseFile: string
  /** The agents that are handed out: no other program is ever named to an agent as its next version. */
  agentsDir: string | null
}
export type Signer = {
  /** Signatures, base64, in the order of the texts; null for a text that the worker refuses. Rejects when it cannot answer. */
  sign: (texts: string[]) => Promise<(string | null)[]>
  /** The key file holds another key now. What was asked before is still answered with the old one. */
  renew: () => void
  stop: () => Promise<void>
}

const TIMEOUT_MS = 10_000
const WAITING_LIMIT = 10_000

/** @param workersDir where the built workers lie; null: beside the sources */
export function createSigner(options: SigningData & { workersDir: string | null }): Signer {
  const { workersDir, keyFile, vaultKey, databaseFile, agentsDir } = options
  const start = () =>
    createAskWorker<string[], (string | null)[]>({
      file: workersDir ? join(workersDir, 'signing.js') : join(import.meta.dirname, 'worker.ts'),
      data: { keyFile, vaultKey, databaseFile, agentsDir } satisfies SigningData,
      timeoutMs: TIMEOUT_MS,
      limit: WAITING_LIMIT,
    })
  let worker = start()
  return {
    sign: (texts) => worker.ask(texts),
    renew() {
      const old = worker
      worker = start()
      setTimeout(() => void old.stop(), TIMEOUT_MS).unref()
    },
    stop: () => worker.stop(),
  }
}
