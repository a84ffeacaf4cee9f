/**
 * Derives keys from passwords in a separate thread: it takes a third of a second, which would block
 * the hub.
 */
import { scryptSync } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { WorkerReply, WorkerRequest } from '../../base/ask-worker.ts'
import type { Derivation } from './passwords.ts'

parentPort!.on('message', ({ id, question }: WorkerRequest<Derivation>) => {
  const { password, salt, keyBytes, N, r, p } = question
  let reply: WorkerReply<Uint8Array>
  try {
    const answer = scryptSync(password, salt, keyBytes, { N, r, p, maxmem: 256 * N * r })
    reply = { id, answer }
  } catch (error) {
    reply = { id, error: error instanceof Error ? error.message : String(error) }
  }
  parentPort!.postMessage(reply)
})
