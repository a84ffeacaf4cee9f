/**
 * Downloads a package and verifies it while writing: every byte goes through SHA-256 on its way to the disk.
 * Resumes what an earlier try, or an earlier run of the agent, has left.
 */
import { DOWNLOAD_RETRY_WAITS_MS, DOWNLOAD_TRIES } from '#shared/domain/defaults.ts'
import type { FailureReason } from '#shared/domain/reasons.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { errorCode, errorText } from '../lib/atomic-file.ts'
import { linkedSignal } from '../lib/wait.ts'
import type { Answer } from './answer.ts'
import { requestFromHub, type ConnectToHub } from './from-hub.ts'
import { requestFromServer } from './from-server.ts'
import { openPartFile, TooLongError, type PartFile } from './part-file.ts'

/** A try that received this much made progress: the count of tries starts again. */
const PROGRESS_THAT_COUNTS_BYTES = 1024 * 1024
/** How long to retry while a server other than the hub reports that it is busy. */
const BUSY_TIMEOUT_MS = 60 * 60_000
/** The hub serves many PCs, and its bandwidth may be limited; it aborts a download itself after a day. */
const BUSY_HUB_TIMEOUT_MS = 24 * 3_600_000
const BUSY_WAIT_MAX_MS = 60_000

/**
 * Where this try gets its bytes. `connect`: the pinned connection to the hub; without it, any other server.
 */
export type Source = { url: string; connect?: ConnectToHub }
export type Download = {
  file: string
  sizeBytes: number
  /** Lower-case hex. */
  sha256: string
  /** Called before every try, because the hub's address may have changed. May wait for a link. */
  source: (signal: AbortSignal) => Promise<Source>
  onProgress: (bytes: number) => void
  onVerifying: () => void
  idleTimeoutMs: number
  signal: AbortSignal
  clock: Clock
  random: Random
}

/** The package is not available. The message is for people. */
export class DownloadError extends Error {
  readonly reason: FailureReason
  constructor(reason: FailureReason, message: string) {
    super(message)
    this.name = 'DownloadError'
    this.reason = reason
  }
}

/** A retry may help. `waitMs`: the server asked for this delay, and the try does not count. */
class TryAgain extends Error {
  readonly busy: { waitMs: number; busyTimeoutMs: number } | null
  constructor(message: string, busy: { waitMs: number; busyTimeoutMs: number } | null = null) {
    super(message)
    this.busy = busy
  }
}

function parseUrl(source: Source): URL {
  try {
    const url = new URL(source.url)
    if (url.protocol === 'https:' || url.protocol === 'http:') return url
  } catch {
    // Reported below.
  }
  throw new DownloadError('invalid_url', `The address of the package is not valid: ${source.url}`)
}

function retryAfterMs(answer: Answer, random: Random): number {
  const seconds = Number(answer.header('retry-after'))
  const requestedMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 5_000
  // With some randomness, so that waiting agents do not all return at the same moment.
  return Math.min(BUSY_WAIT_MAX_MS, requestedMs) * (0.75 + random.fraction() / 2)
}

/** Decides by status and headers whether the body is the requested one. */
async function checkAnswer(
  answer: Answer,
  part: PartFile,
  download: Download,
  isHub: boolean,
): Promise<void> {
  const { status, statusText, header } = answer
  const problem = `the server answered ${status} ${statusText}`.trimEnd()
  if (status === 503 || status === 429)
    throw new TryAgain(problem, {
      waitMs: retryAfterMs(answer, download.random),
      busyTimeoutMs: isHub ? BUSY_HUB_TIMEOUT_MS : BUSY_TIMEOUT_MS,
    })
  if (status === 416) {
    await part.restart()
    throw new TryAgain(problem)
  }
  if (status === 408 || status >= 500) throw new TryAgain(problem)
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header('content-range') ?? '')
    if (!range || Number(range[1]) !== part.bytes()) {
      await part.restart()
      throw new TryAgain('the server sent another part than the one asked for')
    }
  } else if (status === 200) await part.restart()
  else
    throw new DownloadError(
      isHub ? 'download_failed' : 'invalid_url',
      `The package could not be fetched: ${problem}.`,
    )
  const length = header('content-length')
  if (length !== null && part.bytes() + Number(length) !== download.sizeBytes)
    throw new DownloadError(
      'integrity',
      `The package has another size than announced: ${part.bytes() + Number(length)} bytes, not ${download.sizeBytes}.`,
    )
}

async function request(part: PartFile, download: Download): Promise<void> {
  const { clock } = download
  const source = await download.source(download.signal)
  const url = parseUrl(source)
  const { signal, abort, release } = linkedSignal(download.signal)
  const idle = new TryAgain(`nothing came for ${Math.round(download.idleTimeoutMs / 1000)} s`)
  let lastDataAt = clock.monotonicMs()
  const stopWatch = clock.repeat(download.idleTimeoutMs / 4, () => {
    if (clock.monotonicMs() - lastDataAt > download.idleTimeoutMs) abort(idle)
  })
  const ask = { url, from: part.bytes(), onData: () => (lastDataAt = clock.monotonicMs()), signal }
  try {
    const answer = source.connect
      ? await requestFromHub(source.connect, ask)
      : await requestFromServer(ask)
    await checkAnswer(answer, part, download, source.connect !== undefined)
    await part.take(answer.flow, download.onProgress)
  } catch (error) {
    download.signal.throwIfAborted()
    throw signal.aborted ? idle : error
  } finally {
    stopWatch()
    // Discard the rest of the answer.
    abort()
    release()
  }
}

/** Classifies the error of a try: a DownloadError ends the download, a TryAgain does not. */
function judge(error: unknown): DownloadError | TryAgain {
  if (error instanceof DownloadError || error instanceof TryAgain) return error
  if (error instanceof TooLongError)
    return new DownloadError('integrity', 'The package is longer than announced.')
  if (errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT')
    return new DownloadError('disk_space', 'The disk is full: the package could not be stored.')
  return new TryAgain(errorText(error))
}

async function oneTry(part: PartFile, download: Download): Promise<void> {
  const wasResumed = part.bytes() > 0
  if (part.bytes() < download.sizeBytes) await request(part, download)
  if (part.bytes() < download.sizeBytes)
    throw new TryAgain(`the connection ended after ${part.bytes()} of ${download.sizeBytes} bytes`)
  download.onVerifying()
  const digest = part.digest()
  if (digest === download.sha256) return
  await part.restart()
  // The part from an earlier run may be wrong, not the bytes received now.
  if (wasResumed) throw new TryAgain('the continued package did not match its SHA-256')
  throw new DownloadError(
    'integrity',
    `The package does not match its SHA-256: it has ${digest}, announced was ${download.sha256}.`,
  )
}

/**
 * Resolves when the whole package is in `file` and its SHA-256 matches. @throws DownloadError if it is not
 * available; the signal's reason when that fires (received bytes are kept)
 */
export async function downloadPackage(download: Download): Promise<void> {
  const part = await openPartFile(download.file, download.sizeBytes).catch((error: unknown) => {
    throw new DownloadError('internal', `The package could not be stored: ${errorText(error)}`)
  })
  const { clock } = download
  const startMs = clock.monotonicMs()
  try {
    for (let tries = 1; ;) {
      const before = part.bytes()
      try {
        return await oneTry(part, download)
      } catch (error) {
        download.signal.throwIfAborted()
        const verdict = judge(error)
        if (verdict instanceof DownloadError) throw verdict
        if (part.bytes() - before >= PROGRESS_THAT_COUNTS_BYTES) tries = 1
        const spentMs = clock.monotonicMs() - startMs
        const busy = verdict.busy && spentMs < verdict.busy.busyTimeoutMs ? verdict.busy : null
        if (!busy && tries >= DOWNLOAD_TRIES)
          throw new DownloadError(
            'download_failed',
            `The package could not be fetched in ${DOWNLOAD_TRIES} tries: ${verdict.message}.`,
          )
        await clock.sleep(
          busy ? busy.waitMs : (DOWNLOAD_RETRY_WAITS_MS[tries - 1] ?? 15_000),
          download.signal,
        )
        if (!busy) tries++
        download.signal.throwIfAborted()
      }
    }
  } finally {
    await part.close()
  }
}
