/** The signing thread: see index.ts. It trusts only the key file and the store. */
import { createPrivateKey, sign } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerReply, WorkerRequest } from '../../base/ask-worker.ts'
import { readSecret } from '../../base/vault.ts'
import { createCheck } from './check.ts'
import type { SigningData } from './index.ts'

const { keyFile, vaultKey, databaseFile, agentsDir } = workerData as SigningData
const key = createPrivateKey(readSecret(keyFile, vaultKey))
const check = createCheck(databaseFile, agentsDir)

const signature = (text: string): string => sign(null, Buffer.from(text), key).toString('base64')
const signAllowed = (texts: string[]): (string | null)[] =>
  check(texts).map((mayBeSigned, i) => (mayBeSigned ? signature(texts[i]!) : null))

parentPort!.on('message', ({ id, question }: WorkerRequest<string[]>) => {
  let reply: WorkerReply<(string | null)[]>
  try {
    reply = { id, answer: signAllowed(question) }
  } catch (error) {
    reply = { id, error: error instanceof Error ? error.message : String(error) }
  }
  parentPort!.postMessage(reply)
})
