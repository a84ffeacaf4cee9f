/** Bytes on their way into a connection, at full speed or no faster than the limits allow. */
import type { ServerResponse } from 'node:http'
import type { Bandwidth, Lane } from './bandwidth.ts'

const closed = () => new Error('the connection was closed')

/** Resolves once the bytes have left for the kernel. Rejects when the connection ends first. */
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
 * The same in pieces, each when its turn has come.
 * @param writePiece for whoever looks at how long a reader takes: waiting for a turn is not his fault
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
