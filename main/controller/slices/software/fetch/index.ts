/** Fetches each package that was given as a URL, once, for all devices. Progress is in the store, so a restart continues it. */
import { AppError } from '#shared/contract/errors.ts'
import {
  DOWNLOAD_RETRY_WAITS_MS,
  DOWNLOAD_TRIES,
  UPLOAD_LIMIT_BYTES,
} from '#shared/domain/defaults.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { InstallerId } from '#shared/domain/ids.ts'
import { INSTALLER_KINDS, kindOfFileName } from '#shared/domain/platforms.ts'
import type { Content, Staged } from '../../content/index.ts'
import type { Clock, Log } from '../../../base/context.ts'
import { createSingleTicker } from '../../../base/ticker.ts'
import { storageFailure } from '../../../store/failures.ts'
import { cleanFileName, InspectionStopped, type Inspection } from '../../inspection/index.ts'
import { usableRule } from '../rules.ts'
import type { InstallerRow, SoftwareRepo } from '../software.repo.ts'
import { fetchColumns, NOT_FAILED } from './columns.ts'
import { FetchFailure, openDownload } from './request.ts'

export const FETCH_OPTIONS = {
  /** Loopback and link-local addresses are refused unless this is set (tests, the demo). */
  allowPrivateFetch: false,
  limitBytes: UPLOAD_LIMIT_BYTES,
  headTimeoutMs: 15_000,
  idleTimeoutMs: 60_000,
  tries: DOWNLOAD_TRIES,
  retryWaitsMs: DOWNLOAD_RETRY_WAITS_MS as readonly number[],
  /** Packages fetched at the same time; the others wait in the store. */
  parallel: 3,
}
export type FetchOptions = typeof FETCH_OPTIONS

/** How long the result of a fetch waits for a database that another program has locked. */
const OUTCOME_WAIT_MS = 60_000
/** A fetch whose result could not be stored is repeated within this time. */
const HEARTBEAT_MS = 10 * 60_000

export function createFetcher(deps: {
  repo: SoftwareRepo
  content: Pick<Content, 'ingest'>
  inspection: Inspection
  clock: Clock
  log: Log
  options: FetchOptions
  /** Resolves once the database can be written. @throws AppError E_BUSY after `limitMs` */
  whenWritable: (limitMs: number) => Promise<void>
  /** Called after the commit. */
  settled: (id: InstallerId) => void
}) {
  const { repo, options, log } = deps
  const stopping = new AbortController()
  const running = new Map<InstallerId, Promise<void>>()
  /** Their last inspection ended well, although the store may still count it. */
  const harmless = new Set<InstallerId>()
  const ticker = createSingleTicker({
    time: deps.clock,
    soonMs: 0,
    heartbeatMs: HEARTBEAT_MS,
    run: startNext,
    failed: (error) =>
      log.error({ err: error }, 'the pending fetches could not be read; they are retried'),
  })

  /** @throws AppError E_BUSY if another program keeps the database locked; the reason of `stop` once that is called */
  async function whenWritable(): Promise<void> {
    const { signal } = stopping
    signal.throwIfAborted()
    let stop = (): void => undefined
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = () => reject(signal.reason as Error)
    })
    signal.addEventListener('abort', stop)
    try {
      await Promise.race([deps.whenWritable(OUTCOME_WAIT_MS), stopped])
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Keeps the extension of the installer's kind, because agents choose how to run a file by its extension. */
  function nameFor(row: InstallerRow, received: string): string {
    const name = cleanFileName(received)
    if (kindOfFileName(name) === row.kind) return name
    return cleanFileName(`${name.slice(0, 200)}${INSTALLER_KINDS[row.kind].extension}`)
  }

  async function download(row: InstallerRow): Promise<{ staged: Staged; fileName: string }> {
    const { body, fileName, sizeBytes } = await openDownload(row.source_url ?? '', {
      allowPrivate: options.allowPrivateFetch,
      headTimeoutMs: options.headTimeoutMs,
      signal: stopping.signal,
      clock: deps.clock,
    })
    try {
      const staged = await deps.content.ingest(body, {
        limitBytes: options.limitBytes,
        sizeBytes: sizeBytes ?? undefined,
        idleTimeoutMs: options.idleTimeoutMs,
        signal: stopping.signal,
      })
      return { staged, fileName: nameFor(row, fileName) }
    } catch (error) {
      throw asFailure(error, options.limitBytes)
    } finally {
      body.destroy()
    }
  }

  /**
   * What the file says about itself. The inspection is recorded in the store first: a file that crashes its reader, or the whole
   * process, is not inspected again unless a person retries it.
   */
  async function inspected(row: InstallerRow, staged: Staged, fileName: string) {
    await whenWritable()
    repo.updateInstaller(row.id, { inspections: 1 })
    harmless.delete(row.id)
    try {
      const facts = await deps.inspection.inspect(
        { path: staged.path, fileName, kind: row.kind },
        'fetches',
      )
      harmless.add(row.id)
      return facts
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const isStopped = error instanceof InspectionStopped
      const isQueueFull = error.code === 'E_RATE_LIMITED'
      // The file did no harm: it may be inspected again, even at the next start if the controller is stopping.
      if (isStopped || isQueueFull) {
        harmless.add(row.id)
        repo.updateInstaller(row.id, { inspections: 0 })
      }
      if (isStopped) throw error
      throw new FetchFailure(
        isQueueFull ? 'download_failed' : 'integrity',
        isQueueFull
          ? coded('fetch_inspection_busy', {})
          : coded('package_not_fetched_because', { problem: error.message }),
        isQueueFull,
        { cause: error },
      )
    }
  }

  /** Checks the downloaded file and stores it. */
  async function checkAndStore(row: InstallerRow, staged: Staged, fileName: string): Promise<void> {
    if (row.source_sha256 !== null && row.source_sha256 !== staged.sha256)
      throw new FetchFailure(
        'integrity',
        coded('fetch_hash_differs', { found: staged.sha256 }),
        false,
      )
    const facts = await inspected(row, staged, fileName)
    await whenWritable()
    await staged.commit(() =>
      repo.updateInstaller(row.id, {
        sha256: staged.sha256,
        size_bytes: staged.sizeBytes,
        file_name: fileName,
        arch: facts.arch ?? row.arch,
        detection: row.detection ?? usableRule(facts.detection, row.platform),
        knowledge: facts.knowledge ?? null,
        fetch_state: 'ready',
        fetch_reason: null,
        ...NOT_FAILED,
        inspections: 0,
      }),
    )
  }

  async function attempt(row: InstallerRow): Promise<void> {
    const { staged, fileName } = await download(row)
    try {
      await checkAndStore(row, staged, fileName)
    } finally {
      await staged.discard()
    }
  }

  async function attemptWithRetries(row: InstallerRow): Promise<void> {
    for (let tried = 1; ; tried++) {
      try {
        return await attempt(row)
      } catch (error) {
        if (stopping.signal.aborted) throw error
        if (!(error instanceof FetchFailure) || !error.isRetryable || tried >= options.tries)
          throw error
        log.warn({ installerId: row.id, tried, why: error.message }, 'fetching a package failed')
        await deps.clock.sleep(options.retryWaitsMs[tried - 1] ?? 0, stopping.signal)
        stopping.signal.throwIfAborted()
      }
    }
  }

  async function fetchOne(row: InstallerRow): Promise<void> {
    try {
      if (row.inspections > 0 && !harmless.has(row.id))
        throw new FetchFailure('integrity', coded('fetch_harmful', {}), false)
      await attemptWithRetries(row)
    } catch (error) {
      // Stopped: the row is still `fetching`, so the next start continues with it.
      if (stopping.signal.aborted || error instanceof InspectionStopped) return
      // The row is still `fetching`, so the next heartbeat or start tries again.
      if (storageFailure(error)?.kind === 'busy') throw error
      await whenWritable()
      const known = error instanceof FetchFailure
      if (!known) log.error({ err: error, installerId: row.id }, 'a package could not be fetched')
      repo.updateInstaller(row.id, {
        fetch_state: 'failed',
        fetch_reason: known ? error.reason : 'internal',
        ...fetchColumns(known ? error.text : coded('fetch_not_stored', {})),
      })
    }
    harmless.delete(row.id)
    deps.settled(row.id)
  }

  function startNext(): void {
    for (const row of repo.fetching()) {
      if (running.size >= options.parallel) return
      if (running.has(row.id)) continue
      const work = fetchOne(row)
        .catch((error: unknown) =>
          log.error({ err: error, installerId: row.id }, 'the outcome of a fetch was not stored'),
        )
        .finally(() => {
          running.delete(row.id)
          if (repo.installer(row.id)?.fetch_state !== 'fetching') ticker.now()
        })
      running.set(row.id, work)
    }
  }

  return {
    /** Starts the pending fetches of the store that are not running. Call it after each commit that adds some, and at start. */
    start(): void {
      ticker.start()
      ticker.now()
    },
    /** Aborts running fetches; the next start continues with them. */
    async stop(): Promise<void> {
      stopping.abort()
      await ticker.stop()
      await Promise.allSettled(running.values())
    },
  }
}

/** An error of the content store as the reason of a failed fetch. */
function asFailure(error: unknown, limitBytes: number): unknown {
  if (!(error instanceof AppError)) return error
  switch (error.code) {
    case 'E_DISK_FULL':
      return new FetchFailure('disk_space', coded('fetch_disk_full', {}), false, { cause: error })
    case 'E_TOO_LARGE':
      return new FetchFailure(
        'download_failed',
        error.cause === undefined
          ? coded('fetch_too_large', { limit: Math.floor(limitBytes / 1024 ** 2) })
          : coded('fetch_too_large_for_disk', {}),
        false,
        { cause: error },
      )
    case 'E_UPLOAD_ABORTED':
      return new FetchFailure('download_failed', coded('fetch_interrupted', {}), true, {
        cause: error,
      })
    default:
      return error
  }
}
