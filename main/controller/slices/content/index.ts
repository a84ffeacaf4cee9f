/**
 * The content store: package bytes by their SHA-256, each stored once, under
 * `DIR/content/ab/abcdef…`. Bytes arrive in `DIR/content/tmp`, are inspected there, and only then
 * stored.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { AppError } from '#shared/contract/errors.ts'
import { MAX_PARALLEL_DOWNLOADS } from '#shared/domain/defaults.ts'
import type { AttemptId, DeviceId, Sha256 } from '#shared/domain/ids.ts'
import { isoTime, type Clock, type Log, type Now, type Random } from '../../base/context.ts'
import { moveWithClock } from '../../store/moved-time.ts'
import type { Store } from '../../store/store.ts'
import { createAside } from './aside.ts'
import { createBandwidth, type BandwidthLimits, type Lane } from './bandwidth.ts'
import { createBlockPool } from './blocks.ts'
import { createContentRepo } from './content.repo.ts'
import { asDiskError, renameFlushed, syncFolder } from './disk.ts'
import { createFaults, type FileFault } from './faults.ts'
import { receive, type ReceiveOptions } from './receive.ts'
import { serve } from './serve.ts'
import { createSlots } from './slots.ts'
import { createTickets } from './ticket.ts'
import { createUnderWay } from './under-way.ts'
import { write, writePaced } from './write.ts'

export type { BandwidthLimits } from './bandwidth.ts'
export { ASIDE_FOLDER } from './aside.ts'
export type { FileFault } from './faults.ts'
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

export const CONTENT_OPTIONS = {
  /** Space that stays free on the disk for the database. */
  reserveBytes: 64 * 1024 * 1024,
  parallelDownloads: MAX_PARALLEL_DOWNLOADS,
  /** Downloads that may queue. */
  queuedDownloads: 1_000,
  /** Shorter than clients wait for an answer. */
  queueWaitMs: 10_000,
  stallMs: 60_000,
  retryAfterSeconds: 5,
  /** Blocks of 1 MiB for what is being sent, and what was sent last. */
  cacheBlocks: 2 * MAX_PARALLEL_DOWNLOADS,
}

/** Windows' errors if the file to be replaced is open. */
const IN_USE_CODES = new Set(['EPERM', 'EACCES', 'EBUSY'])
const fileInUse = (): AppError => AppError.of('file_being_sent', {})

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
  options?: Partial<typeof CONTENT_OPTIONS>
}) {
  const options = { ...CONTENT_OPTIONS, ...deps.options }
  const repo = createContentRepo(deps.store)
  const root = join(deps.dataDir, 'content')
  const incoming = join(root, 'tmp')
  const pool = createBlockPool(Math.max(options.cacheBlocks, 2 * options.parallelDownloads))
  const slots = createSlots({
    slots: options.parallelDownloads,
    queue: options.queuedDownloads,
    waitMs: options.queueWaitMs,
    clock: deps.clock,
  })
  const bandwidth = createBandwidth(deps.clock)
  const aside = createAside({
    dataDir: deps.dataDir,
    now: deps.now,
    databaseCreatedAt: deps.store.facts.createdAt,
  })
  const stopMoving = moveWithClock(deps.clock, aside.moveTimes)
  const underWay = createUnderWay()
  const tickets = createTickets({
    key: deps.ticketKey,
    deviceOfLiveAttempt: deps.deviceOfLiveAttempt,
  })
  /** Contents between their arrival on disk and the commit of their row: never collected. */
  const held = new Map<Sha256, number>()
  async function holding<T>(sha256: Sha256, work: () => Promise<T>): Promise<T> {
    held.set(sha256, (held.get(sha256) ?? 0) + 1)
    try {
      return await work()
    } finally {
      const left = held.get(sha256)! - 1
      if (left > 0) held.set(sha256, left)
      else held.delete(sha256)
    }
  }

  const folderOf = (sha256: string): string => join(root, sha256.slice(0, 2))
  const pathOf = (sha256: string): string => join(folderOf(sha256), sha256)
  /** Contents with a row whose file is missing, as after a restore, or damaged. */
  const faults = createFaults({
    pathOf,
    stored: (sha256) => repo.stored(sha256),
    remember: (sha256) => repo.setDamaged(sha256, isoTime(deps.now())),
    clock: deps.clock,
    log: deps.log,
  })

  /** Partial files from the last run are useless. */
  function clearIncoming(): void {
    rmSync(incoming, { recursive: true, force: true })
    mkdirSync(incoming, { recursive: true, mode: 0o700 })
  }

  /**
   * A download that started before reads the replaced file to its end; no other uses its blocks.
   */
  function replaced(sha256: Sha256): void {
    faults.replaced(sha256)
    pool.forget(sha256)
  }

  /**
   * Moves the file into place and flushes it. Replaces an existing file: these bytes were hashed as
   * they arrived, the others may be damaged.
   */
  async function place(path: string, sha256: Sha256): Promise<void> {
    await mkdir(folderOf(sha256), { recursive: true, mode: 0o700 })
    try {
      await renameFlushed(path, pathOf(sha256))
    } catch (error) {
      // Windows cannot replace a file that is being read. It may stay if it contains exactly these
      // bytes.
      if (!IN_USE_CODES.has((error as NodeJS.ErrnoException).code ?? '')) throw asDiskError(error)
      if ((await faults.check(sha256)) !== null || !existsSync(pathOf(sha256))) throw fileInUse()
      return void (await rm(path, { force: true }))
    }
    replaced(sha256)
    await syncFolder(folderOf(sha256))
    await syncFolder(root)
  }

  async function heal(path: string, sha256: Sha256): Promise<void> {
    await holding(sha256, async () => {
      await place(path, sha256)
      repo.setDamaged(sha256, null)
    }).catch((error: unknown) =>
      deps.log.error({ err: error, sha256 }, 'a stored file could not be replaced'),
    )
  }

  /**
   * Synchronous, so that nothing can start to use the content between the check and the removal.
   */
  function removeIfUnused(sha256: Sha256): boolean {
    if (held.has(sha256) || repo.isNamed(sha256)) return false
    repo.remove(sha256)
    rmSync(pathOf(sha256), { force: true })
    replaced(sha256)
    return true
  }

  function collectGarbage(): number {
    return repo.unnamed().filter(removeIfUnused).length
  }

  function setAside(files: { path: string; name: string }[]): void {
    if (files.length === 0) return
    try {
      const folder = aside.set(files)
      deps.log.warn(
        { files: files.length, folder },
        'packages without a database entry were moved aside',
      )
    } catch (err) {
      // A full disk: they stay where they are, do no harm, and the next start tries again.
      deps.log.error({ err }, 'packages without a database entry could not be moved aside')
    }
  }

  /** Records the fault that the file's directory entry shows. False: none. */
  function noteFault(sha256: Sha256, sizeBytes: number): boolean {
    const found = statSync(pathOf(sha256), { throwIfNoEntry: false })
    if (found?.size === sizeBytes) return false
    faults.set(sha256, found ? 'damaged' : 'missing')
    return true
  }
  /** A download could not be served: if the file is the cause, no other PC is sent for it. */
  function lookAt(sha256: Sha256, sizeBytes: number): void {
    if (!noteFault(sha256, sizeBytes)) void faults.check(sha256)
  }

  /** At start: moves files without a row aside, and reports rows without a file. */
  function compareWithDisk(): void {
    const rows = repo.all()
    const known = new Set<string>(rows.map((row) => row.sha256))
    const unknown: { path: string; name: string }[] = []
    for (const folder of readdirSync(root, { withFileTypes: true })) {
      if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) continue
      for (const name of readdirSync(join(root, folder.name)))
        if (!known.has(name)) unknown.push({ path: join(root, folder.name, name), name })
    }
    setAside(unknown)
    for (const { sha256, size_bytes, damaged_at } of rows)
      if (damaged_at !== null) faults.set(sha256, 'damaged')
      else noteFault(sha256, size_bytes)
  }

  /**
   * Sends the content; the caller has checked the permission. @throws AppError E_NOT_FOUND, E_RANGE
   */
  async function serveContent(
    request: IncomingMessage,
    response: ServerResponse,
    { sha256 }: { sha256: Sha256 },
    lane: Lane = 'unenrolled',
  ): Promise<void> {
    const sizeBytes = repo.sizeBytes(sha256)
    if (sizeBytes === null) throw new AppError('E_NOT_FOUND', 'This content is not stored here.')
    if (faults.of(sha256) === 'damaged')
      throw new AppError('E_NOT_FOUND', 'The stored file is damaged. Upload it again.')
    const serving = {
      ...{ pool, slots, bandwidth, timings: options, log: deps.log },
      onFault: () => lookAt(sha256, sizeBytes),
    }
    await serve(serving, request, response, {
      ...{ sha256, sizeBytes, path: pathOf(sha256), lane },
      blocks: `${sha256}/${faults.versionOf(sha256)}`,
    })
  }

  clearIncoming()
  const collected = collectGarbage()
  if (collected > 0) deps.log.info({ collected }, 'removed unreferenced content')
  compareWithDisk()
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
    collectGarbage,
    sizeBytes: (sha256: Sha256): number | null => repo.sizeBytes(sha256),
    chunkHashes: (sha256: Sha256): Buffer | null => repo.chunkHashes(sha256),
    /** The file's known fault. Cheap: does not read the disk. */
    faultOf: (sha256: Sha256): FileFault | null => faults.of(sha256),
    /** Reads the file and compares it with its hashes. Never rejects; null: no known fault. */
    check: (sha256: Sha256): Promise<FileFault | null> => faults.check(sha256),
    /** Called when a file turns out to be missing or damaged. */
    onFault: (listener: (sha256: Sha256) => void) => faults.onFault(listener),

    /** A path on the hub where this device may download this content during this attempt. */
    ticketUrl: tickets.ticketUrl,
    checkTicket: tickets.checkTicket,

    /**
     * Answers an agent's GET or HEAD of a ticket's address.
     * @throws AppError E_NOT_FOUND, E_FORBIDDEN (no ticket, or its attempt has ended), E_RANGE;
     * before anything was sent
     */
    async serveTicket(
      request: IncomingMessage,
      response: ServerResponse,
      url: string,
    ): Promise<void> {
      const asked = tickets.parse(url)
      if (!asked || (request.method !== 'GET' && request.method !== 'HEAD'))
        throw new AppError('E_NOT_FOUND', 'There is nothing here.')
      const deviceId = tickets.checkTicket(asked)
      if (deviceId === null)
        throw new AppError('E_FORBIDDEN', 'This download is not, or no longer, permitted.')
      await underWay.during(deviceId, response, () =>
        serveContent(request, response, asked, deviceId),
      )
    },
    /**
     * Aborts this device's downloads. `deviceOfLiveAttempt` decides whether it may start new ones.
     */
    cut(deviceId: DeviceId): void {
      const downloads = underWay.cut(deviceId)
      if (downloads > 0)
        deps.log.warn({ deviceId, downloads }, 'a device was refused: its downloads were aborted')
    },

    serve: serveContent,

    /** Applies from now on, including to running downloads. */
    setLimits: (limits: BandwidthLimits): void => bandwidth.setLimits(limits),

    /**
     * Sends other bytes, which count towards the hub's limit.
     * @param writeTo writes a piece, for callers that measure the time
     * @throws Error if the connection ends first
     */
    sendOther: (
      response: ServerResponse,
      bytes: Buffer,
      writeTo: typeof write = write,
    ): Promise<void> =>
      bandwidth.isLimited()
        ? writePaced(bandwidth, 'unenrolled', response, bytes, writeTo)
        : writeTo(response, bytes),

    /** What downloads use at this moment. `paced`: how many of them wait because of a limit. */
    usage: () => ({
      ...slots.usage(),
      ...pool.usage(),
      ...underWay.usage(),
      paced: bandwidth.waiting(),
    }),
    async stop(): Promise<void> {
      stopMoving()
      bandwidth.stop()
      await faults.stop()
    },
  }
}
