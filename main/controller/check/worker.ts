/** The thread of a full check: reading gigabytes of packages must not slow down the hub. See checks.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import type { CheckFinding } from '#shared/contract/check.ts'
import { checkFolder, type CheckInput, type CheckProgress } from './full.ts'

export type CheckMessage = { progress: CheckProgress } | { findings: CheckFinding[] }

/** Often enough for a bar that moves. */
const PROGRESS_EVERY_MS = 200

let last = 0
let lastStep = ''
const tell = (message: CheckMessage): void => parentPort!.postMessage(message)

const findings = await checkFolder(
  workerData as CheckInput,
  (progress) => {
    const now = performance.now()
    if (progress.step === lastStep && now - last < PROGRESS_EVERY_MS) return
    last = now
    lastStep = progress.step
    tell({ progress })
  },
  // Cancelled by ending the thread.
  new AbortController().signal,
)
tell({ findings })
