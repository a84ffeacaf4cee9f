/** Asks any server for package bytes: whoever wrote the software's entry answers for the address. */
import type { Readable } from 'node:stream'
import fetch from 'node-fetch'
import type { Answer, AskForBytes, Flow } from './answer.ts'

const REDIRECT_LIMIT = 5
const STREAM_BUFFER_BYTES = 256 * 1024

function flowOf(stream: Readable, onHeard: () => void): Flow {
  return {
    start(onPiece, onEnd) {
      let isEnded = false
      const end = (error: Error | null): void => {
        if (isEnded) return
        isEnded = true
        onEnd(error)
      }
      stream.on('data', (piece: Buffer) => {
        onHeard()
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

/** Rejects with an Error when there is no answer, or the signal fires. */
export async function askServer({ url, from, onHeard, signal }: AskForBytes): Promise<Answer> {
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
    flow: flowOf(response.body as Readable, onHeard),
  }
}
