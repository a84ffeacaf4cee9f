/**
 * The only way for the controller to read untrusted files: uploads, fetched packages, archives. Files are read in separate
 * threads, within limits; nothing in a file can stop the hub's thread.
 */
import { join } from 'node:path'
import type { Clock } from '#shared/node/clock.ts'
import { AppError } from '#shared/contract/errors.ts'
import {
  INSTALLER_EXTENSIONS,
  kindOfFileName,
  type InstallerKind,
} from '#shared/domain/platforms.ts'
import type { Log } from '../../base/context.ts'
import type { PackageFacts } from './facts.ts'
import { INSPECTION_LIMITS, WAITING_LIMIT } from './limits.ts'
import type { InspectionTask } from './protocol.ts'
import { createQueue } from './queue.ts'
import { createInspectionWorker, type Limits } from './inspection-worker.ts'

export { unreadable, type ArchiveFacts, type PackageFacts } from './facts.ts'
export type { ManifestFile } from './protocol.ts'
export { cleanFileName } from './file-name.ts'
export { InspectionStopped } from './inspection-worker.ts'
export type Inspection = ReturnType<typeof createInspection>

/** @throws AppError E_MEDIA_TYPE with the accepted kinds */
export function kindOrThrow(fileName: string): InstallerKind {
  const kind = kindOfFileName(fileName)
  if (kind) return kind
  const known = INSTALLER_EXTENSIONS
  throw new AppError(
    'E_MEDIA_TYPE',
    `${fileName} is not an installer that can be deployed. Files of these kinds are: ${known.join(' ')}.`,
    [{ path: '/file', message: `must end in one of ${known.join(' ')}` }],
  )
}

export function createInspection(options: {
  /** The folder of the built workers; null: beside the sources. */
  workersDir: string | null
  log: Pick<Log, 'error'>
  clock: Clock
  /** Tests only. */
  limits?: Partial<Limits>
  waitingLimit?: number
  workerFile?: string
}) {
  const limits = { ...INSPECTION_LIMITS, ...options.limits }
  const { workersDir } = options
  const file =
    options.workerFile ??
    (workersDir ? join(workersDir, 'inspection.js') : join(import.meta.dirname, 'worker.ts'))
  const onFault = (text: string): void =>
    options.log.error({ fault: text }, 'a reader failed over a file; the file was refused')
  const createWorkerWithQueue = () => {
    const worker = createInspectionWorker({ file, limits, onFault, clock: options.clock })
    const queue = createQueue(options.waitingLimit ?? WAITING_LIMIT)
    return { worker, queue }
  }
  /** Archives that are read from end to end take minutes when they are large; everything else must not wait for them. */
  const workers = { streamed: createWorkerWithQueue(), direct: createWorkerWithQueue() }

  async function run(task: InspectionTask, lane: string) {
    const { worker, queue } = task.kind === 'tar' ? workers.streamed : workers.direct
    return queue.run(lane, () => worker.inspect(task))
  }

  return {
    /**
     * What the file at `path` says about itself; its name fills in what is missing.
     * @param lane whose file it is: lanes take turns
     * @throws AppError E_PACKAGE_UNREADABLE with the problem; E_PACKAGE_LIMIT when reading it took more time or memory than
     * allowed; E_RATE_LIMITED when too many files wait; InspectionStopped
     */
    async inspect(
      file: Omit<InspectionTask, 'asked'> & { asked?: readonly string[] },
      lane: string,
    ): Promise<PackageFacts> {
      return (await run({ asked: [], ...file }, lane)).facts
    },
    /** The thread that read the file, for tests. */
    threadOf: async (file: InspectionTask): Promise<number> => (await run(file, '')).threadId,
    async stop(): Promise<void> {
      await Promise.all(Object.values(workers).map(({ worker }) => worker.stop()))
    },
  }
}
