/**
 * Requests package bytes from any other server: the user who created the software entry is responsible for the
 * address.
 */
import type { Readable } from 'node:stream'
import fetch from 'node-fetch'
import type { Answer, BytesRequest, Flow } from './answer.ts'

const REDIRECT_LIMIT = 5
const STREAM_BUFFER_BYTES = 256 * 1024

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

/** Rejects with an Error if there is no answer, or when the signal fires. */
export async function requestFromServer({
  url,
  from,
  onData,
  signal,
}: BytesRequest): Promise<Answer> {
  const response = await fetch(url, {
    headers: {
      'accept-encoding': 'identity',
      ...(from > 0 ? { range: `bytes=${from}-` } : {}),
    },
    compress: false,
    redirect: 'follow',
    follow: REDIRECT_LIMIT,
    highWaterMark: STREAM_BUFFER_BYTES,
    signal,
  })
  if (!response.body) throw new Error('the server sent no body')
  const { status, statusText, headers } = response
  return {
    status,
    statusText,
    header: (name) => headers.get(name),
    flow: flowOf(response.body as Readable, onData),
  }
}
