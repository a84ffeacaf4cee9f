/**
 * Downloads a package and verifies it while writing: every byte goes through SHA-256 on its way to the disk.
 * Resumes what an earlier try, or an earlier run of the agent, has left.
 */
import { coded, type CodedText, type TextParams } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import {
  DOWNLOAD_RETRY_WAITS_MS,
  DOWNLOAD_TRIES,
  UPLOAD_LIMIT_BYTES,
} from '#shared/domain/defaults.ts'
import type { FailureReason } from '#shared/domain/reasons.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { describeAddress } from '#shared/node/web-address.ts'
import { errorCode, errorText } from '../lib/atomic-file.ts'
import { linkedSignal } from '../lib/wait.ts'
import type { Answer } from './answer.ts'
import { requestFromHub, type ConnectToHub } from './from-hub.ts'
import { requestFromServer, UnusableAddress } from './from-server.ts'
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
export type Source = { url: string; connect?: ConnectToHub; allowPrivate?: boolean }
export type Download = {
  file: string
  /** Null: not known; the file ends where its server ends it. */
  sizeBytes: number | null
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

/** The package is not available. */
export class DownloadError extends Error {
  readonly reason: FailureReason
  readonly text: CodedText
  constructor(reason: FailureReason, text: CodedText) {
    super(compose(text))
    this.name = 'DownloadError'
    this.text = text
    this.reason = reason
  }
}

type Why = Omit<TextParams<'fetch_failed'>, 'tries'>
/** A retry may help. `waitMs`: the server asked for this delay, and the try does not count. */
class TryAgain extends Error {
  readonly busy: { waitMs: number; busyTimeoutMs: number } | null
  readonly why: Why
  constructor(why: Why, busy: { waitMs: number; busyTimeoutMs: number } | null = null) {
    super(why.problem)
    this.why = why
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
  throw new DownloadError('invalid_url', coded('url_invalid', { url: describeAddress(source.url) }))
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
  const statusLine = `${status} ${statusText}`.trimEnd()
  const problem = { problem: 'problem_answer', answer: statusLine } as const
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
      throw new TryAgain({ problem: 'problem_other_part' })
    }
  } else if (status === 200) await part.restart()
  else
    throw new DownloadError(
      isHub ? 'download_failed' : 'invalid_url',
      coded('fetch_refused', { answer: statusLine }),
    )
  const length = header('content-length')
  if (download.sizeBytes === null) return
  if (length !== null && part.bytes() + Number(length) !== download.sizeBytes)
    throw new DownloadError(
      'integrity',
      coded('size_differs', {
        bytes: part.bytes() + Number(length),
        announced: download.sizeBytes,
      }),
    )
}

async function request(part: PartFile, download: Download): Promise<void> {
  const { clock } = download
  const source = await download.source(download.signal)
  const url = parseUrl(source)
  const { signal, abort, release } = linkedSignal(download.signal)
  const idle = new TryAgain({
    problem: 'problem_silence',
    seconds: Math.round(download.idleTimeoutMs / 1000),
  })
  let lastDataAt = clock.monotonicMs()
  const stopWatch = clock.repeat(download.idleTimeoutMs / 4, () => {
    if (clock.monotonicMs() - lastDataAt > download.idleTimeoutMs) abort(idle)
  })
  const ask = {
    url,
    from: part.bytes(),
    onData: () => (lastDataAt = clock.monotonicMs()),
    signal,
    allowPrivate: source.allowPrivate ?? false,
  }
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
  if (error instanceof UnusableAddress) return new DownloadError('invalid_url', error.text)
  if (error instanceof TooLongError)
    return new DownloadError('integrity', coded('package_too_long', {}))
  if (errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT')
    return new DownloadError('disk_space', coded('disk_full', {}))
  return new TryAgain({ problem: 'problem_other', error: errorText(error) })
}

async function oneTry(part: PartFile, download: Download): Promise<void> {
  const { sizeBytes } = download
  const wasResumed = part.bytes() > 0
  const isThere = sizeBytes === null ? part.digest() === download.sha256 : part.bytes() >= sizeBytes
  if (!isThere) await request(part, download)
  if (sizeBytes !== null && part.bytes() < sizeBytes)
    throw new TryAgain({
      problem: 'problem_ended',
      bytes: part.bytes(),
      announced: sizeBytes,
    })
  download.onVerifying()
  const digest = part.digest()
  if (digest === download.sha256) return
  await part.restart()
  // The part from an earlier run may be wrong, not the bytes received now.
  if (wasResumed) throw new TryAgain({ problem: 'problem_continued' })
  throw new DownloadError(
    'integrity',
    coded('hash_differs', { found: digest, announced: download.sha256 }),
  )
}

/**
 * Resolves when the whole package is in `file` and its SHA-256 matches. @throws DownloadError if it is not
 * available; the signal's reason when that fires (received bytes are kept)
 */
export async function downloadPackage(download: Download): Promise<void> {
  const part = await openPartFile(download.file, download.sizeBytes ?? UPLOAD_LIMIT_BYTES).catch(
    (error: unknown) => {
      throw new DownloadError('internal', coded('package_not_stored', { error: errorText(error) }))
    },
  )
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
            coded('fetch_failed', { tries: DOWNLOAD_TRIES, ...verdict.why }),
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
