/**
 * Requests package bytes from a server other than the hub: the signed command names its address and the
 * file's SHA-256. The same addresses and redirects are refused as by the controller.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import {
  checkConnected,
  checkLiteralHost,
  guardedLookup,
  RefusedAddress,
} from '#shared/node/address-guard.ts'
import { checkUrl } from '#shared/node/web-address.ts'
import type { Answer, BytesRequest, Flow } from './answer.ts'

const REDIRECT_LIMIT = 5
const REDIRECTS = [301, 302, 303, 307, 308]

/** An address that no try will use. */
export class UnusableAddress extends Error {
  readonly text: CodedText
  constructor(text: CodedText) {
    super(compose(text))
    this.name = 'UnusableAddress'
    this.text = text
  }
}
const asUnusable = (url: URL, error: unknown): Error =>
  error instanceof RefusedAddress
    ? new UnusableAddress(coded('address_refused', { host: url.hostname }))
    : (error as Error)

function flowOf(stream: Readable, onData: () => void): Flow {
  return {
    start(onPiece, onEnd) {
      let isEnded = false
      const end = (error: Error | null): void => {
        if (isEnded) return
        isEnded = true
        onEnd(error)
      }
      stream.on('data', (piece: Buffer) => {
        onData()
        if (!isEnded) onPiece(piece)
      })
      stream.once('end', () => end(null))
      stream.on('error', end)
      stream.once('close', () => end(new Error('the connection was closed')))
    },
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    stop: () => stream.destroy(),
  }
}

function get(url: URL, { from, signal, allowPrivate }: BytesRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    if (!allowPrivate)
      try {
        checkLiteralHost(url)
      } catch (error) {
        return reject(asUnusable(url, error))
      }
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      agent: false,
      signal,
      headers: {
        'user-agent': 'DeployX',
        accept: '*/*',
        'accept-encoding': 'identity',
        ...(from > 0 ? { range: `bytes=${from}-` } : {}),
      },
      ...(allowPrivate ? {} : { lookup: guardedLookup }),
    })
    if (!allowPrivate)
      request.on('socket', (socket) => {
        // Runs before the pending request is written, so that the server receives nothing.
        socket.prependOnceListener('connect', () => {
          try {
            checkConnected(url.hostname, socket)
          } catch (error) {
            request.destroy(error as Error)
          }
        })
      })
    request.on('response', (response) => {
      response.on('error', () => undefined) // handled by the reader of the body
      resolve(response)
    })
    request.on('error', (error) => reject(asUnusable(url, error)))
    request.end()
  })
}

function nextHop(from: URL, location: string | undefined): URL {
  const to =
    location !== undefined && URL.canParse(location, from.href)
      ? checkUrl(new URL(location, from).href)
      : 'nowhere'
  if (typeof to === 'string' || (from.protocol === 'https:' && to.protocol === 'http:'))
    throw new UnusableAddress(coded('redirect_refused', { host: from.host }))
  return to
}

/** Rejects with an Error if there is no answer, or when the signal fires. @throws UnusableAddress */
export async function requestFromServer(request: BytesRequest): Promise<Answer> {
  let { url } = request
  for (let hop = 0; hop <= REDIRECT_LIMIT; hop++) {
    const response = await get(url, request)
    const status = response.statusCode ?? 0
    if (!REDIRECTS.includes(status))
      return {
        status,
        statusText: response.statusMessage ?? '',
        header: (name) => {
          const value = response.headers[name]
          return typeof value === 'string' ? value : null
        },
        flow: flowOf(response, request.onData),
      }
    response.destroy()
    url = nextHop(url, response.headers.location)
  }
  throw new UnusableAddress(coded('too_many_redirects', { host: request.url.host }))
}
