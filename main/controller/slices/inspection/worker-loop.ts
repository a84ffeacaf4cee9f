/** The inspection worker: reads one file after the other, each through its own window. Imported by worker entries only. */
import { parentPort, threadId, workerData } from 'node:worker_threads'
import { AppError } from '#shared/contract/errors.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type {
  InspectionData,
  InspectionAnswer,
  InspectionMessage,
  InspectionTask,
} from './protocol.ts'
import { readFile, type Reader } from './readers/table.ts'
import { openWindow, type Window } from './readers/window.ts'

const textOf = (error: unknown): string =>
  (error instanceof Error ? (error.stack ?? error.message) : String(error)).slice(0, 2_000)
const isOfTheDisk = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && 'path' in error

/** @param readers tests pass readers that misbehave */
export function serveInspections(readers?: Readonly<Record<InstallerKind, Reader>>): void {
  const port = parentPort
  if (!port) throw new Error('the inspection worker must run as a worker thread')
  const { bufferMiB, progress } = workerData as InspectionData
  const streamedMiB = new Int32Array(progress)

  function failure(error: unknown): InspectionMessage {
    if (error instanceof AppError) return { what: 'refused', error: error.toReply().error }
    return { what: isOfTheDisk(error) ? 'failed' : 'fault', text: textOf(error) }
  }
  async function inspect(task: InspectionTask): Promise<InspectionAnswer> {
    let window: Window
    try {
      window = openWindow({
        path: task.path,
        budgetMiB: bufferMiB,
        progressed: (bytes) => Atomics.store(streamedMiB, 0, Math.floor(bytes / 1024 ** 2)),
      })
    } catch (error) {
      return { message: failure(error), usedMiB: 0 }
    }
    const message = await readFile(window, task, readers)
      .then((facts) => ({ what: 'facts', facts, threadId }) as const, failure)
      .finally(() => window.close())
    return { message, usedMiB: window.usedMiB() }
  }
  port.on('message', (task: InspectionTask) => {
    void inspect(task).then((answer) => port.postMessage(answer))
  })
  port.postMessage('ready')
}
