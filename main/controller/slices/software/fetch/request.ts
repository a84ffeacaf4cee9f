/** One GET of a URL. Follows redirects and checks every hop. The body is passed on as it arrives. */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { FetchReason } from '../software.repo.ts'
import { fileNameOfDisposition, fileNameOfUrl } from './file-name.ts'
import {
  checkConnected,
  checkLiteralHost,
  guardedLookup,
  RefusedAddress,
} from '#shared/node/address-guard.ts'
import { checkUrl, describeUrl } from '#shared/node/web-address.ts'

/** Why a fetch failed, and whether a retry may succeed. */
export class FetchFailure extends Error {
  readonly reason: FetchReason
  readonly isRetryable: boolean
  readonly text: CodedText
  constructor(
    reason: FetchReason,
    text: CodedText,
    isRetryable: boolean,
    options?: { cause?: unknown },
  ) {
    super(compose(text), options)
    this.name = 'FetchFailure'
    this.text = text
    this.reason = reason
    this.isRetryable = isRetryable
  }
}

export type Download = {
  body: IncomingMessage
  /** As given by the server or the URL, not cleaned. */
  fileName: string
  /** Null when the server does not report it. */
  sizeBytes: number | null
}
export type RequestOptions = {
  allowPrivate: boolean
  /** For connecting and receiving the head, per hop. */
  headTimeoutMs: number
  signal: AbortSignal
  clock: Clock
}

const REDIRECT_LIMIT = 5
const REDIRECTS = [301, 302, 303, 307, 308]
/** Statuses below 500 that are temporary: timeout, too early, too many requests. */
const TEMPORARY_STATUSES = [408, 425, 429]

const invalid = (text: CodedText, cause?: unknown) =>
  new FetchFailure('invalid_url', text, false, { cause })

/** @throws FetchFailure */
export async function openDownload(address: string, options: RequestOptions): Promise<Download> {
  let url = checked(address)
  for (let hop = 0; hop <= REDIRECT_LIMIT; hop++) {
    const response = await get(url, options)
    const status = response.statusCode ?? 0
    if (status === 200) {
      const length = response.headers['content-length']
      return {
        body: response,
        fileName:
          fileNameOfDisposition(response.headers['content-disposition']) ?? fileNameOfUrl(url),
        sizeBytes: length === undefined ? null : Number(length),
      }
    }
    response.destroy()
    if (!REDIRECTS.includes(status)) throw statusFailure(url, status)
    url = nextHop(url, response.headers.location)
  }
  throw invalid(
    coded('fetch_redirects_too_often', { url: describeUrl(url), limit: REDIRECT_LIMIT }),
  )
}

function checked(address: string): URL {
  const url = checkUrl(address)
  if (typeof url === 'string') throw invalid(coded(`fetch_${url}`, {}))
  return url
}

function nextHop(from: URL, location: string | undefined): URL {
  if (!location || !URL.canParse(location, from.href))
    throw invalid(coded('fetch_redirects_nowhere', { url: describeUrl(from) }))
  const to = checked(new URL(location, from).href)
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw invalid(coded('fetch_redirects_to_http', { url: describeUrl(from) }))
  return to
}

function statusFailure(url: URL, status: number): FetchFailure {
  const text = coded('fetch_answered', { url: describeUrl(url), status })
  return status >= 400 && status < 500 && !TEMPORARY_STATUSES.includes(status)
    ? invalid(text)
    : new FetchFailure('download_failed', text, true)
}

function get(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    try {
      if (!options.allowPrivate) checkLiteralHost(url)
    } catch (error) {
      return reject(asFailure(url, error))
    }
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      agent: false,
      signal: options.signal,
      headers: { 'user-agent': 'DeployX', accept: '*/*', 'accept-encoding': 'identity' },
      ...(options.allowPrivate ? {} : { lookup: guardedLookup }),
    })
    const cancelTimer = options.clock.setTimer(options.headTimeoutMs, () => {
      const seconds = Math.round(options.headTimeoutMs / 1000)
      request.destroy(
        new FetchFailure(
          'download_failed',
          coded('fetch_no_answer', { host: url.host, seconds }),
          true,
        ),
      )
    })
    if (!options.allowPrivate)
      request.on('socket', (socket) => {
        // Runs before the pending request is written, so that the server receives nothing.
        socket.prependOnceListener('connect', () => {
          try {
            checkConnected(url.hostname, socket)
          } catch (error) {
            request.destroy(asFailure(url, error))
          }
        })
      })
    request.on('response', (response) => {
      cancelTimer()
      response.on('error', () => undefined) // handled by the reader of the body
      resolve(response)
    })
    request.on('error', (error) => {
      cancelTimer()
      reject(asFailure(url, error))
    })
    request.end()
  })
}

const isCertificateError = (code: string): boolean =>
  code.startsWith('CERT_') ||
  code.startsWith('ERR_TLS_CERT') ||
  /SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)/.test(code)

/** Converts a connection error to a FetchFailure. */
function asFailure(url: URL, error: unknown): FetchFailure {
  if (error instanceof FetchFailure) return error
  if (error instanceof RefusedAddress)
    return invalid(coded('fetch_address_refused', { host: error.host }), error)
  const { code = '', syscall } = error as NodeJS.ErrnoException
  if (syscall === 'getaddrinfo')
    return invalid(coded('fetch_name_unknown', { host: url.hostname, error: code }), error)
  if (isCertificateError(code))
    return new FetchFailure(
      'download_failed',
      coded('fetch_certificate', { host: url.host, error: code }),
      false,
      { cause: error },
    )
  return new FetchFailure(
    'download_failed',
    code
      ? coded('fetch_unreachable', { host: url.host, error: code })
      : coded('fetch_connection_failed', { host: url.host }),
    true,
    { cause: error },
  )
}
