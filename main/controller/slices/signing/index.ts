/**
 * The command key lives only here. A dedicated worker thread reads it, and it never enters the
 * hub's thread; the worker signs no command that is not in the store. docs/security.md explains
 * what this defends against and what it does not.
 */
import { join } from 'node:path'
import type { Clock } from '#shared/node/clock.ts'
import { createAskWorker } from '../../base/ask-worker.ts'
import type { VaultKey } from '../../base/vault.ts'

export type SigningData = {
  keyFile: string
  vaultKey: VaultKey
  databaseFile: string
  /** The served agents: no other program is ever named to an agent as its next version. */
  agentsDir: string | null
}
export type Signer = {
  /**
   * Signatures, base64, in the order of the texts; null for a text that the worker refuses. Rejects
   * if it cannot answer.
   */
  sign: (texts: string[]) => Promise<(string | null)[]>
  /** The key file has a new key. Earlier requests are still answered with the old one. */
  renew: () => void
  stop: () => Promise<void>
}

const TIMEOUT_MS = 10_000
const WAITING_LIMIT = 10_000

/** @param workersDir where the built workers are; null: beside the sources */
export function createSigner(
  options: SigningData & { workersDir: string | null; clock: Pick<Clock, 'setTimer'> },
): Signer {
  const { clock, workersDir, keyFile, vaultKey, databaseFile, agentsDir } = options
  const start = () =>
    createAskWorker<string[], (string | null)[]>({
      file: workersDir ? join(workersDir, 'signing.js') : join(import.meta.dirname, 'worker.ts'),
      data: { keyFile, vaultKey, databaseFile, agentsDir } satisfies SigningData,
      timeoutMs: TIMEOUT_MS,
      limit: WAITING_LIMIT,
      clock,
    })
  let worker = start()
  return {
    sign: (texts) => worker.ask(texts),
    renew() {
      const old = worker
      worker = start()
      clock.setTimer(TIMEOUT_MS, () => void old.stop())
    },
    stop: () => worker.stop(),
  }
}
