/**
 * One inspection worker with its limits: wall clock, heap, buffers. A worker that exceeds one is ended, and the next file gets a
 * new one. The readers check the limit on buffers themselves (readers/window.ts).
 */
import { Worker } from 'node:worker_threads'
import type { Cancel, Clock } from '#shared/node/clock.ts'
import { AppError } from '#shared/contract/errors.ts'
import { beyondLimit, unreadable, type PackageFacts } from './facts.ts'
import { IDLE_MS, START_TIMEOUT_MS, type INSPECTION_LIMITS } from './limits.ts'
import type { InspectionAnswer, InspectionData, InspectionTask } from './protocol.ts'

export type Limits = { [K in keyof typeof INSPECTION_LIMITS]: number }
export type Outcome = { facts: PackageFacts; threadId: number }
/** The controller stops, so the file was not inspected. */
export class InspectionStopped extends AppError {
  constructor() {
    super('E_UPLOAD_ABORTED', 'The controller stopped before the file was inspected.')
  }
}

type Started = { worker: Worker; progress: Int32Array; ready: Promise<void> }
/** A worker whose buffers for one file exceeded this is replaced before the next file. */
const KEPT_MIB = 24
const isOutOfMemory = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
const seconds = (ms: number): string => `${ms / 1000} s`

export function createInspectionWorker(options: {
  file: string
  limits: Limits
  /** A reader failed in an unexpected way. */
  onFault: (text: string) => void
  clock: Clock
}) {
  const { limits, clock } = options
  let started: Started | null = null
  let cancelIdle: Cancel | null = null
  let stopped = false
  let isUsedUp = false
  let interrupt: ((error: Error) => void) | null = null

  /** Resolves once the thread has ended, so that two threads never hold memory at the same time. */
  async function end(): Promise<void> {
    const ending = started
    started = null
    cancelIdle?.()
    await ending?.worker.terminate()
  }

  function start(): Started {
    const progress = new SharedArrayBuffer(4)
    const worker = new Worker(options.file, {
      workerData: { bufferMiB: limits.bufferMiB, progress } satisfies InspectionData,
      resourceLimits: {
        maxOldGenerationSizeMb: limits.heapMiB,
        maxYoungGenerationSizeMb: limits.youngHeapMiB,
      },
    })
    const ready = new Promise<void>((resolve, reject) => {
      const cancelLate = clock.setTimer(START_TIMEOUT_MS, () =>
        reject(new Error('the inspection worker did not start')),
      )
      const settle = (how: () => void) => () => {
        cancelLate()
        how()
      }
      worker.once('message', settle(resolve))
      worker.once(
        'exit',
        settle(() => reject(new Error('the inspection worker has ended'))),
      )
      worker.on('error', (error: Error) => settle(() => reject(error))())
    })
    ready.catch(() => undefined) // reported to the caller that waits for it
    const made = { worker, progress: new Int32Array(progress), ready }
    worker.once('exit', () => {
      if (started === made) started = null
    })
    return made
  }

  /** The worker's answer for the file; rejects with AppError, or with Error when the file is not at fault. */
  function ask({ worker, progress }: Started, task: InspectionTask): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      const beganMs = clock.monotonicMs()
      let seenMiB = 0
      let cancelTimer = clock.setTimer(limits.timeMs, onTime)
      const settle = (how: () => void): void => {
        cancelTimer()
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
        interrupt = null
        how()
      }
      const fail = (error: Error): void => settle(() => reject(error))
      interrupt = fail
      function onTime(): void {
        const streamedMiB = Atomics.load(progress, 0)
        const wholeMs = clock.monotonicMs() - beganMs
        if (streamedMiB - seenMiB < limits.progressMiB)
          return fail(beyondLimit(seconds(limits.timeMs)))
        if (wholeMs > limits.wholeTimeMs) return fail(beyondLimit(seconds(limits.wholeTimeMs)))
        seenMiB = streamedMiB
        cancelTimer = clock.setTimer(limits.timeMs, onTime)
      }
      function onError(error: unknown): void {
        isUsedUp = true
        if (isOutOfMemory(error)) return fail(beyondLimit(`${limits.heapMiB} MiB of memory`))
        options.onFault(error instanceof Error ? (error.stack ?? error.message) : String(error))
        fail(unreadable('reading it failed unexpectedly; it may be damaged or malicious', error))
      }
      function onExit(): void {
        isUsedUp = true
        fail(unreadable('the program that reads it ended unexpectedly'))
      }
      function onMessage({ message, usedMiB }: InspectionAnswer): void {
        isUsedUp = usedMiB > KEPT_MIB
        switch (message.what) {
          case 'facts':
            return settle(() => resolve({ facts: message.facts, threadId: message.threadId }))
          case 'refused':
            return fail(AppError.fromWire(message.error))
          case 'fault':
            options.onFault(message.text)
            return fail(
              unreadable('reading it failed unexpectedly; it may be damaged or malicious'),
            )
          case 'failed':
            return fail(new Error(message.text))
        }
      }
      Atomics.store(progress, 0, 0)
      worker.on('message', onMessage).on('error', onError).on('exit', onExit)
      worker.postMessage(task)
    })
  }

  return {
    /**
     * Inspects a file. Call it for one file at a time.
     * @throws AppError E_PACKAGE_UNREADABLE, E_PACKAGE_LIMIT; InspectionStopped; Error if the disk fails or the worker does
     * not start
     */
    async inspect(task: InspectionTask): Promise<Outcome> {
      cancelIdle?.()
      if (stopped) throw new InspectionStopped()
      const current = (started ??= start())
      // Keep the process running while a file is inspected, but not for an idle worker.
      current.worker.ref()
      try {
        await current.ready
        if (stopped) throw new InspectionStopped()
        return await ask(current, task)
      } catch (error) {
        if (stopped) throw new InspectionStopped()
        const isAnswer = error instanceof AppError && error.code === 'E_PACKAGE_UNREADABLE'
        // End the worker, because it may still be busy with the file. After E_PACKAGE_UNREADABLE it is not.
        if (!isAnswer) await end()
        throw error
      } finally {
        if (isUsedUp) await end()
        isUsedUp = false
        started?.worker.unref()
        if (started && !stopped) cancelIdle = clock.setTimer(IDLE_MS, () => void end())
      }
    },
    async stop(): Promise<void> {
      stopped = true
      interrupt?.(new InspectionStopped())
      await end()
    },
  }
}
