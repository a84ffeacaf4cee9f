/**
 * Store, content and software slices over a temporary data folder, without any edge. For tests and
 * benchmarks.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import pino from 'pino'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import type { Role } from '#shared/contract/rest/users.ts'
import type { AttemptId, DeploymentId, DeviceId, SoftwareId } from '#shared/domain/ids.ts'
import { createAudit } from '../slices/audit/index.ts'
import { createContent, type ContentOptions } from '../slices/content/index.ts'
import type { Log, Viewer } from '../base/context.ts'
import { createInspection, type Inspection } from '../slices/inspection/index.ts'
import { createSoftware, type FetchOptions } from '../slices/software/index.ts'
import { users } from '../store/schema/index.ts'
import { createSealedArguments } from '../base/sealed-arguments.ts'
import { createClock, systemSource } from '../base/clock.ts'
import { openStore } from '../store/store.ts'
import { TEST_WORKERS_DIR } from './workers.ts'
import { MIGRATIONS_DIR } from './paths.ts'

let shared: Inspection | null = null
/**
 * One worker for all libraries of a test file; it ends with the process. The time limit is generous,
 * because a busy machine inspects installers slowly.
 */
const sharedInspection = (log: Log): Inspection =>
  (shared ??= createInspection({
    workersDir: TEST_WORKERS_DIR,
    clock: systemClock,
    log,
    limits: { timeMs: 60_000 },
  }))

export type TestLibrary = ReturnType<typeof openLibrary>

export function openLibrary(
  options: {
    /** The folder of an earlier library, to simulate a restart. Default: a new folder. */
    dataDir?: string
    content?: Partial<ContentOptions>
    fetch?: Partial<FetchOptions>
    /** Default: the shared one. The caller closes its own. */
    inspection?: Inspection
    deviceOfLiveAttempt?: (id: AttemptId) => DeviceId | null
  } = {},
) {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'deployx-library-'))
  const lines: string[] = []
  const log = pino(
    { level: 'debug' },
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString())
        done()
      },
    }),
  )
  const store = openStore({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
  })
  const now = Date.now
  const clock = createClock(systemSource)
  const audit = createAudit({ store, now, clock })
  const content = createContent({
    store,
    dataDir,
    now,
    clock,
    random: systemRandom,
    log,
    ticketKey: Buffer.alloc(32, 1),
    deviceOfLiveAttempt: options.deviceOfLiveAttempt ?? (() => null),
    options: { reserveBytes: 0, ...options.content },
  })
  const inUse = new Set<SoftwareId>()
  const inspection = options.inspection ?? sharedInspection(log)
  const software = createSoftware({
    store,
    content,
    inspection,
    sealed: createSealedArguments(Buffer.alloc(32, 2), systemRandom),
    now,
    clock,
    log,
    audit,
    usedBy: (id) =>
      inUse.has(id) ? [{ id: 1 as DeploymentId, name: 'Office', created_by: null }] : [],
    fetchOptions: { allowPrivateFetch: true, retryWaitsMs: [10, 20], ...options.fetch },
  })

  return {
    dataDir,
    store,
    audit,
    content,
    software,
    inUse,
    /** Everything logged so far. */
    logged: (): string => lines.join(''),
    addUser(username: string, role: Role): Viewer {
      const row = store.db
        .insert(users)
        .values({ username, role, password_hash: 'none', created_at: new Date().toISOString() })
        .returning()
        .get()
      return { id: row.id, username, role }
    },
    /** Files under `content/`, without folders. */
    files: (): string[] =>
      readdirSync(join(dataDir, 'content'), { recursive: true, encoding: 'utf8' })
        .filter((name) => statSync(join(dataDir, 'content', name)).isFile())
        .sort(),
    /** Names of files that were moved aside. */
    aside: (): string[] => {
      const root = join(dataDir, 'content.aside')
      return existsSync(root)
        ? readdirSync(root).flatMap((day) => readdirSync(join(root, day)))
        : []
    },
    count: (table: 'contents' | 'software' | 'installers'): number =>
      (store.sqlite.prepare(`select count(*) n from ${table}`).get() as { n: number }).n,
    /** Stops without removing the folder. */
    async shut(): Promise<void> {
      await software.stop()
      await content.stop()
      clock.stop()
      store.close()
    },
    async close(): Promise<void> {
      await software.stop()
      await content.stop()
      clock.stop()
      store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
