/**
 * The content store: package bytes by their SHA-256, each stored once, under `DIR/content/ab/abcdef…`.
 * Bytes arrive in `DIR/content/tmp`, are looked at there, and only then kept.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { AppError } from '#shared/contract/errors.ts'
import { MAX_PARALLEL_DOWNLOADS } from '#shared/domain/defaults.ts'
import type { AttemptId, DeviceId, Sha256 } from '#shared/domain/ids.ts'
import { isoTime, type Log, type Now } from '../context.ts'
import type { Store } from '../store/store.ts'
import { createAside } from './aside.ts'
import { createBandwidth, type BandwidthLimits, type Lane } from './bandwidth.ts'
import { createBlockPool } from './blocks.ts'
import { createContentRepo } from './content.repo.ts'
import { asDiskError, syncFolder } from './disk.ts'
import { receive, type ReceiveOptions } from './receive.ts'
import { serve } from './serve.ts'
import { createSlots } from './slots.ts'
import { createTickets } from './ticket.ts'
import { createUnderWay } from './under-way.ts'
import { write, writePaced } from './write.ts'

export type { BandwidthLimits } from './bandwidth.ts'
export { ASIDE_FOLDER } from './aside.ts'
export { write } from './write.ts'
export type Content = ReturnType<typeof createContent>

/** Bytes that have arrived and are not yet kept. End it with `commit` or `discard`. */
export type Staged = {
  /** Where they lie meanwhile, to be looked at. */
  path: string
  sha256: Sha256
  sizeBytes: number
  /**
   * Keeps the bytes: puts the file in its place, then writes its row and whatever `work` writes in one transaction.
   * When that fails, nothing is kept.
   */
  commit: <T>(work: () => T) => Promise<T>
  /** Forgets them. Does nothing after `commit`. */
  discard: () => Promise<void>
}

export const CONTENT_OPTIONS = {
  /** Space that stays free on the disk, so that the database can go on. */
  reserveBytes: 64 * 1024 * 1024,
  parallelDownloads: MAX_PARALLEL_DOWNLOADS,
  /** Downloads that may wait for a place. */
  queuedDownloads: 1_000,
  /** Shorter than the time after which a client gives up waiting for an answer. */
  queueWaitMs: 10_000,
  stallMs: 60_000,
  retryAfterSeconds: 5,
  /** Blocks of 1 MiB that hold what is being sent, and what was sent last. */
  cacheBlocks: 2 * MAX_PARALLEL_DOWNLOADS,
}

export function createContent(deps: {
  store: Store
  dataDir: string
  now: Now
  log: Log
  /** Makes and checks download tickets. */
  ticketKey: Buffer
  /** The device that works on this attempt now; null once it has ended. */
  deviceOfLiveAttempt: (attemptId: AttemptId) => DeviceId | null
  /** Tests shorten waits and limits, nothing else does. */
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
  })
  const bandwidth = createBandwidth()
  const aside = createAside({
    dataDir: deps.dataDir,
    now: deps.now,
    databaseCreatedAt: deps.store.facts.createdAt,
  })
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

  /** Contents with a row and no file, as after a restore. Looked for at start, and when one that is wanted cannot be read. */
  const missing = new Set<Sha256>()

  const folderOf = (sha256: string): string => join(root, sha256.slice(0, 2))
  const pathOf = (sha256: string): string => join(folderOf(sha256), sha256)

  /** Whatever was half-received when the controller stopped is of no use. */
  function clearIncoming(): void {
    rmSync(incoming, { recursive: true, force: true })
    mkdirSync(incoming, { recursive: true, mode: 0o700 })
  }

  /** Moves the file to its place, on disk for certain. Equal bytes that are there already stay. */
  async function place(path: string, sha256: Sha256, sizeBytes: number): Promise<void> {
    const isThere = () =>
      stat(pathOf(sha256)).then(
        (found) => found.size === sizeBytes,
        () => false,
      )
    if (await isThere()) {
      missing.delete(sha256)
      return void (await rm(path, { force: true }))
    }
    await mkdir(folderOf(sha256), { recursive: true, mode: 0o700 })
    try {
      await rename(path, pathOf(sha256))
    } catch (error) {
      // Windows does not replace a file that somebody reads: the same content came twice at once.
      if (!(await isThere())) throw asDiskError(error)
      await rm(path, { force: true })
    }
    await syncFolder(folderOf(sha256))
    await syncFolder(root)
    missing.delete(sha256)
  }

  /** Synchronous, so that nothing can begin to use the content between the look and the removal. */
  function removeIfUnused(sha256: Sha256): boolean {
    if (held.has(sha256) || repo.isNamed(sha256)) return false
    repo.remove(sha256)
    rmSync(pathOf(sha256), { force: true })
    pool.forget(sha256)
    missing.delete(sha256)
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
        'packages that the database does not know were moved aside',
      )
    } catch (err) {
      // A full disk: they stay where they are, harm nobody, and the next start tries again.
      deps.log.error({ err }, 'packages that the database does not know could not be moved aside')
    }
  }

  /** At start: files without a row are moved aside, rows without a file are reported. */
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
    for (const { sha256, size_bytes } of rows)
      if (statSync(pathOf(sha256), { throwIfNoEntry: false })?.size !== size_bytes) {
        missing.add(sha256)
        deps.log.error({ sha256 }, 'a stored file is missing: upload the package again')
      }
  }

  /** Sends the content to whoever asks: the caller has checked that he may have it. @throws AppError E_NOT_FOUND, E_RANGE */
  async function serveContent(
    request: IncomingMessage,
    response: ServerResponse,
    { sha256 }: { sha256: Sha256 },
    lane: Lane = 'strangers',
  ): Promise<void> {
    const sizeBytes = repo.sizeBytes(sha256)
    if (sizeBytes === null) throw new AppError('E_NOT_FOUND', 'This content is not kept here.')
    const path = pathOf(sha256)
    const serving = { pool, slots, bandwidth, timings: options, log: deps.log }
    try {
      await serve(serving, request, response, { sha256, sizeBytes, path, lane })
    } catch (error) {
      // Taken away while the controller ran: from now on nobody else is sent for it.
      if (!statSync(path, { throwIfNoEntry: false })) missing.add(sha256)
      throw error
    }
  }

  clearIncoming()
  const collected = collectGarbage()
  if (collected > 0) deps.log.info({ collected }, 'removed content that nothing names')
  compareWithDisk()
  const expired = aside.removeOld()
  if (expired > 0) deps.log.info({ expired }, 'removed packages that were set aside 30 days ago')

  return {
    /**
     * Takes a stream to disk and hashes it, whole and in chunks of 1 MiB. Nothing is kept until `commit`.
     * @throws AppError E_TOO_LARGE, E_DISK_FULL, E_UPLOAD_ABORTED
     */
    async ingest(source: Readable, receiveOptions: ReceiveOptions): Promise<Staged> {
      const { path, sha256, sizeBytes, chunkHashes } = await receive(
        source,
        incoming,
        options.reserveBytes,
        receiveOptions,
      )
      return {
        path,
        sha256,
        sizeBytes,
        commit: async (work) => {
          try {
            return await holding(sha256, async () => {
              await place(path, sha256, sizeBytes)
              return deps.store.transaction(() => {
                repo.insertOnce({
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
        discard: () => rm(path, { force: true }),
      }
    },

    /** Removes what no installer names. @returns how many contents went */
    collectGarbage,
    sizeBytes: (sha256: Sha256): number | null => repo.sizeBytes(sha256),
    chunkHashes: (sha256: Sha256): Buffer | null => repo.chunkHashes(sha256),
    /** Whether its file is not there, though its row is. Costs nothing: no look at the disk. */
    isMissing: (sha256: Sha256): boolean => missing.has(sha256),

    /** A path on the hub under which this device may fetch this content while this attempt is live. */
    ticketUrl: tickets.ticketUrl,
    checkTicket: tickets.checkTicket,

    /**
     * Answers an agent's GET or HEAD of a ticket's address.
     * @throws AppError E_NOT_FOUND, E_FORBIDDEN (no ticket, or its attempt has ended), E_RANGE; before anything was sent
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
    /** Ends what this device is fetching. That it gets nothing from now on is `deviceOfLiveAttempt`'s to say. */
    cut(deviceId: DeviceId): void {
      const downloads = underWay.cut(deviceId)
      if (downloads > 0)
        deps.log.warn({ deviceId, downloads }, 'a device is not wanted: its downloads were cut')
    },

    serve: serveContent,

    /** No faster than this from now on, downloads that run included. */
    setLimits: (limits: BandwidthLimits): void => bandwidth.setLimits(limits),

    /**
     * Sends bytes of something else, which count for the hub's limit.
     * @param writeTo how a piece is written, where the time that takes matters
     * @throws Error when the connection ends first
     */
    sendOther: (
      response: ServerResponse,
      bytes: Buffer,
      writeTo: typeof write = write,
    ): Promise<void> =>
      bandwidth.isLimited()
        ? writePaced(bandwidth, 'strangers', response, bytes, writeTo)
        : writeTo(response, bytes),

    /** What downloads use at this moment. `paced`: how many of them wait because of a limit. */
    usage: () => ({
      ...slots.usage(),
      ...pool.usage(),
      ...underWay.usage(),
      paced: bandwidth.waiting(),
    }),
    stop: (): void => bandwidth.stop(),
  }
}
