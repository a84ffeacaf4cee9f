/** Writes bytes to a connection, at full speed or within the bandwidth limits. */
import type { ServerResponse } from 'node:http'
import type { Bandwidth, Lane } from './bandwidth.ts'

const closed = () => new Error('the connection was closed')

/** Resolves once the kernel has taken the bytes. Rejects if the connection ends first. */
export function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(closed())
    if (response.destroyed) return onClose()
    response.once('close', onClose)
    response.write(bytes, (error) => {
      response.off('close', onClose)
      if (error) reject(error)
      else resolve()
    })
  })
}

/**
 * The same in pieces, each at its turn.
 * @param writePiece for callers that measure how long a reader takes: waiting for a turn does not
 * count
 */
export async function writePaced(
  bandwidth: Bandwidth,
  lane: Lane,
  response: ServerResponse,
  bytes: Buffer,
  writePiece: typeof write = write,
): Promise<void> {
  const gone = new AbortController()
  const onClose = () => gone.abort()
  if (response.destroyed) throw closed()
  response.once('close', onClose)
  try {
    for (let sent = 0; sent < bytes.length;) {
      const granted = await bandwidth.take(lane, bytes.length - sent, gone.signal)
      if (granted === null) throw closed()
      await writePiece(response, bytes.subarray(sent, sent + granted))
      sent += granted
    }
  } finally {
    response.off('close', onClose)
  }
}
