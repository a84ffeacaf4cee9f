/**
 * The thread of a full check: reading gigabytes of packages must not slow down the hub. See
 * checks.ts.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { CheckFinding } from '#shared/contract/rest/check.ts'
import { checkFolder, type CheckInput, type CheckProgress } from './full.ts'

export type CheckMessage = { progress: CheckProgress } | { findings: CheckFinding[] }

/** Often enough for a moving progress bar. */
const PROGRESS_EVERY_MS = 200

let last = 0
let lastStep = ''
const post = (message: CheckMessage): void => parentPort!.postMessage(message)

const findings = await checkFolder(
  workerData as CheckInput,
  (progress) => {
    const now = performance.now()
    if (progress.step === lastStep && now - last < PROGRESS_EVERY_MS) return
    last = now
    lastStep = progress.step
    post({ progress })
  },
  // Cancelled by ending the thread.
  new AbortController().signal,
)
post({ findings })
