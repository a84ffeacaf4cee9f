/**
 * Asks the hub for package bytes, over a connection of its own to the pinned key. Written by hand, as the hub's sending side
 * is: every byte of every installer goes through here while people work at the PC, and an HTTP client costs twice the
 * processor time, because it makes a new buffer of every 16 KiB of TLS and passes it through several streams.
 */
import type { TLSSocket } from 'node:tls'
import type { Answer, AskForBytes, Flow } from './answer.ts'
import {
  HEAD_END,
  HEAD_LIMIT_BYTES,
  parseResponseHead,
  type ResponseHead,
} from './response-head.ts'

/** How a connection is read. */
export type Reader = {
  buffer: Buffer
  /** The bytes are the connection's own again when it returns; false: wait until it is resumed. */
  onPiece: (piece: Buffer) => boolean
  /** The connection that stood has failed or is closed. May be called more than once. */
  onEnd: (error: Error) => void
}
/** Connects to the hub and only to the hub. Rejects when another key is shown, and when the signal fires. */
export type ConnectToHub = (
  host: string,
  port: number,
  reader: Reader,
  signal: AbortSignal,
) => Promise<TLSSocket>

const READ_BUFFER_BYTES = 64 * 1024

function requestText({ url, from }: Pick<AskForBytes, 'url' | 'from'>): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Accept-Encoding: identity',
    'Connection: close',
    ...(from > 0 ? [`Range: bytes=${from}-`] : []),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

type Taker = { onPiece: (piece: Buffer) => void; onEnd: (error: Error | null) => void }
type Ending = { error: Error | null }

/** The body: what comes before somebody takes it is kept, which is little, as the connection waits meanwhile. */
function createBody(lengthBytes: number) {
  let left = lengthBytes
  let early: Buffer[] = []
  let taker: Taker | null = null
  let ending: Ending | null = null

  function end(error: Error | null): void {
    if (ending) return
    ending = { error }
    taker?.onEnd(error)
  }
  return {
    end,
    /** @returns whether more may come now */
    take(piece: Buffer): boolean {
      if (ending) return false
      const wanted = piece.subarray(0, left)
      left -= wanted.length
      if (taker) taker.onPiece(wanted)
      else early.push(Buffer.from(wanted))
      if (piece.length > wanted.length) end(new Error('the server sent more than it announced'))
      else if (left === 0) end(null)
      return taker !== null && ending === null
    },
    giveTo(next: Taker): void {
      const pieces = early
      early = []
      taker = next
      for (const piece of pieces) next.onPiece(piece)
      if (ending) next.onEnd(ending.error)
    },
  }
}

type Body = ReturnType<typeof createBody>
type Answered = { head: ResponseHead; body: Body }

/** Takes an answer apart as it comes: first its head, then its body. One of the two is called, once. */
function createReceiver(
  onAnswered: (answered: Answered) => void,
  onFailed: (error: Error) => void,
) {
  let collected = Buffer.alloc(0)
  let body: Body | null = null

  function takeHead(piece: Buffer): boolean {
    collected = Buffer.concat([collected, piece])
    const at = collected.indexOf(HEAD_END)
    if (at < 0 && collected.length <= HEAD_LIMIT_BYTES) return true
    try {
      if (at < 0) throw new Error('the head of the answer does not end')
      const head = parseResponseHead(collected.subarray(0, at))
      body = createBody(head.contentLength)
      onAnswered({ head, body })
    } catch (error) {
      onFailed(error as Error)
      return false
    }
    return body.take(collected.subarray(at + HEAD_END.length))
  }
  return {
    onPiece: (piece: Buffer): boolean => (body ? body.take(piece) : takeHead(piece)),
    fail: (error: Error): void => (body ? body.end(error) : onFailed(error)),
  }
}

/** Rejects with an Error when there is no connection, no answer that can be read, or the signal fires. */
export async function askHub(connect: ConnectToHub, ask: AskForBytes): Promise<Answer> {
  let receiver!: ReturnType<typeof createReceiver>
  const answered = new Promise<Answered>((resolve, reject) => {
    receiver = createReceiver(resolve, reject)
  })
  const reader: Reader = {
    buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
    onPiece(piece) {
      ask.onHeard()
      return receiver.onPiece(piece)
    },
    onEnd: (error) => receiver.fail(error),
  }
  const host = ask.url.hostname.replace(/^\[|\]$/g, '')
  const socket = await connect(host, Number(ask.url.port || 443), reader, ask.signal)
  socket.write(requestText(ask))
  try {
    const { head, body } = await answered
    const flow: Flow = {
      start(onPiece, onEnd) {
        body.giveTo({ onPiece, onEnd })
        socket.resume()
      },
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      stop: () => socket.destroy(),
    }
    const { status, statusText, headers } = head
    return { status, statusText, header: (name) => headers.get(name) ?? null, flow }
  } catch (error) {
    socket.destroy()
    throw error
  }
}
