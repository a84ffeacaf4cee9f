/**
 * The content store: package bytes by their SHA-256, each stored once, under
 * `DIR/content/ab/abcdef…`. Bytes arrive in `DIR/content/tmp`, are inspected there, and only then
 * stored.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { AttemptId, DeviceId, Sha256 } from '#shared/domain/ids.ts'
import { isoTime, type Clock, type Log, type Now, type Random } from '../../base/context.ts'
import { moveWithClock } from '../../store/moved-time.ts'
import type { Store } from '../../store/store.ts'
import { createAside } from './aside.ts'
import { createBlockPool } from './blocks.ts'
import { createContentRepo } from './content.repo.ts'
import { createDownloads } from './downloads.ts'
import type { FileFault } from './faults.ts'
import { CONTENT_OPTIONS, type ContentOptions } from './options.ts'
import { receive, type ReceiveOptions } from './receive.ts'
import { createStoredFiles } from './stored-files.ts'

export type { BandwidthLimits } from './bandwidth.ts'
export { ASIDE_FOLDER } from './aside.ts'
export type { FileFault } from './faults.ts'
export type { ContentOptions } from './options.ts'
export { write } from './write.ts'
export type Content = ReturnType<typeof createContent>

/** Bytes that have arrived and are not stored yet. End it with `commit` or `discard`. */
export type Staged = {
  /** Where they are for inspection. */
  path: string
  sha256: Sha256
  sizeBytes: number
  /**
   * Stores the bytes: moves the file into place, then writes its row and whatever `work` writes in
   * one transaction. If that fails, nothing is stored.
   */
  commit: <T>(work: () => T) => Promise<T>
  /** Deletes them. Does nothing after `commit`. */
  discard: () => Promise<void>
}

export function createContent(deps: {
  store: Store
  dataDir: string
  now: Now
  clock: Clock
  random: Random
  log: Log
  /** Signs and verifies download tickets. */
  ticketKey: Buffer
  /** The device that is working on this attempt; null once it has ended. */
  deviceOfLiveAttempt: (attemptId: AttemptId) => DeviceId | null
  /** Shorter waits and limits, for tests only. */
  options?: Partial<ContentOptions>
}) {
  const options = { ...CONTENT_OPTIONS, ...deps.options }
  const repo = createContentRepo(deps.store)
  const root = join(deps.dataDir, 'content')
  const incoming = join(root, 'tmp')
  const pool = createBlockPool(Math.max(options.cacheBlocks, 2 * options.parallelDownloads))
  const aside = createAside({
    dataDir: deps.dataDir,
    now: deps.now,
    databaseCreatedAt: deps.store.facts.createdAt,
  })
  const stopMoving = moveWithClock(deps.clock, aside.moveTimes)
  const files = createStoredFiles({
    ...deps,
    root,
    repo,
    aside,
    forgetBlocks: (sha256) => pool.forget(sha256),
  })
  const { faults, holding, place, heal, removeIfUnused } = files
  const { stop: stopDownloads, ...downloads } = createDownloads({
    ...deps,
    ...{ repo, files, pool, options },
  })

  /** Partial files from the last run are useless. */
  function clearIncoming(): void {
    rmSync(incoming, { recursive: true, force: true })
    mkdirSync(incoming, { recursive: true, mode: 0o700 })
  }

  clearIncoming()
  const collected = files.collectGarbage()
  if (collected > 0) deps.log.info({ collected }, 'removed unreferenced content')
  files.compareWithDisk()
  const expired = aside.removeOld()
  if (expired > 0) deps.log.info({ expired }, 'removed packages that were moved aside 30 days ago')

  return {
    /**
     * Streams to disk and hashes, as a whole and in chunks of 1 MiB. Nothing is stored until
     * `commit`.
     * @throws AppError E_TOO_LARGE, E_DISK_FULL, E_UPLOAD_ABORTED
     */
    async ingest(source: Readable, receiveOptions: ReceiveOptions): Promise<Staged> {
      const { path, sha256, sizeBytes, chunkHashes } = await receive(
        source,
        {
          folder: incoming,
          reserveBytes: options.reserveBytes,
          clock: deps.clock,
          random: deps.random,
        },
        receiveOptions,
      )
      return {
        path,
        sha256,
        sizeBytes,
        commit: async (work) => {
          try {
            return await holding(sha256, async () => {
              await place(path, sha256)
              return await deps.store.write(() => {
                repo.keep({
                  sha256,
                  size_bytes: sizeBytes,
                  chunk_hashes: chunkHashes,
                  created_at: isoTime(deps.now()),
                })
                return work()
              })
            })
          } catch (error) {
            removeIfUnused(sha256)
            throw error
          }
        },
        discard: async () => {
          // The upload itself is not needed, but the stored copy is unusable, and these are the
          // same bytes.
          if (faults.of(sha256) !== null && existsSync(path)) await heal(path, sha256)
          await rm(path, { force: true })
        },
      }
    },

    /** Removes what no installer names. @returns how many contents */
    collectGarbage: files.collectGarbage,
    sizeBytes: (sha256: Sha256): number | null => repo.sizeBytes(sha256),
    chunkHashes: (sha256: Sha256): Buffer | null => repo.chunkHashes(sha256),
    /** The file's known fault. Cheap: does not read the disk. */
    faultOf: (sha256: Sha256): FileFault | null => faults.of(sha256),
    /** Reads the file and compares it with its hashes. Never rejects; null: no known fault. */
    check: (sha256: Sha256): Promise<FileFault | null> => faults.check(sha256),
    /** Called when a file turns out to be missing or damaged. */
    onFault: (listener: (sha256: Sha256) => void) => faults.onFault(listener),

    ...downloads,
    async stop(): Promise<void> {
      stopMoving()
      stopDownloads()
      await faults.stop()
    },
  }
}
