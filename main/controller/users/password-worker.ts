/** Derives keys from passwords in a thread of its own: it takes a third of a second, which the hub does not have. */
import { scryptSync } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { Answered, Asked } from '../lib/ask-worker.ts'
import type { Derivation } from './passwords.ts'

parentPort!.on('message', ({ id, question }: Asked<Derivation>) => {
  const { password, salt, keyBytes, N, r, p } = question
  let told: Answered<Uint8Array>
  try {
    const answer = scryptSync(password, salt, keyBytes, { N, r, p, maxmem: 256 * N * r })
    told = { id, answer }
  } catch (error) {
    told = { id, error: error instanceof Error ? error.message : String(error) }
  }
  parentPort!.postMessage(told)
})
