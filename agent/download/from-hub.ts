/**
 * Requests package bytes from the hub, on a separate connection pinned to its key. Hand-written, like the
 * hub's sending side: every byte of every installer passes through here while people work at the PC, and an
 * HTTP client needs twice the CPU time, because it allocates a new buffer for every 16 KiB of TLS and passes
 * it through several streams.
 */
import type { TLSSocket } from 'node:tls'
import type { Answer, BytesRequest, Flow } from './answer.ts'
import {
  HEAD_END,
  HEAD_LIMIT_BYTES,
  parseResponseHead,
  type ResponseHead,
} from './response-head.ts'

/** Callbacks for reading a connection. */
export type Reader = {
  buffer: Buffer
  /** The buffer is reused after it returns; false: pause until resumed. */
  onPiece: (piece: Buffer) => boolean
  /** An established connection has failed or is closed. May be called more than once. */
  onEnd: (error: Error) => void
}
/**
 * Connects to the hub and only to the hub. Rejects if another key is presented, and when the signal fires.
 */
export type ConnectToHub = (
  host: string,
  port: number,
  reader: Reader,
  signal: AbortSignal,
) => Promise<TLSSocket>

const READ_BUFFER_BYTES = 64 * 1024

function requestText({ url, from }: Pick<BytesRequest, 'url' | 'from'>): string {
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

/**
 * The body. Data that arrives before it is read is buffered; that is little, because the connection is paused
 * meanwhile.
 */
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
    /** @returns whether more data may arrive now */
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

/** Parses an answer as it arrives: first its head, then its body. Calls one of the two callbacks, once. */
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

/** Rejects with an Error if there is no connection or no readable answer, or when the signal fires. */
export async function requestFromHub(connect: ConnectToHub, ask: BytesRequest): Promise<Answer> {
  let receiver!: ReturnType<typeof createReceiver>
  const answered = new Promise<Answered>((resolve, reject) => {
    receiver = createReceiver(resolve, reject)
  })
  const reader: Reader = {
    buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
    onPiece(piece) {
      ask.onData()
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
