/** A package on its way to the disk: written in large pieces, hashed as it is written, continued where it stopped. */
import { createHash, type Hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'

const BUFFER_BYTES = 1024 * 1024

export type PartFile = {
  /** Bytes that are in the file and in the hash. */
  bytes: () => number
  /** Writes all of a stream behind what is there. What was written stays when the stream fails. */
  take: (stream: AsyncIterable<Buffer>, onBytes: (total: number) => void) => Promise<void>
  /** SHA-256 of what is there, lower-case hex. */
  digest: () => string
  restart: () => Promise<void>
  close: () => Promise<void>
}

/** More came than was announced. */
export class TooLongError extends Error {}

async function hashFile(handle: FileHandle, bytes: number, hash: Hash): Promise<void> {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  for (let at = 0; at < bytes;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(BUFFER_BYTES, bytes - at), at)
    if (bytesRead === 0) throw new Error('the file became shorter while it was read')
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
}

/** Opens or makes the file (0600). What an earlier run left in it is hashed anew; more than `limitBytes` is dropped. */
export async function openPartFile(file: string, limitBytes: number): Promise<PartFile> {
  // 'a+' would write at the end whatever the position; 'r+' needs the file to be there.
  const handle = await open(file, 'r+').catch(() => open(file, 'wx+', 0o600))
  let hash = createHash('sha256')
  let total = 0
  async function restart(): Promise<void> {
    await handle.truncate(0)
    hash = createHash('sha256')
    total = 0
  }
  try {
    const { size } = await handle.stat()
    if (size > limitBytes) await restart()
    else {
      await hashFile(handle, size, hash)
      total = size
    }
  } catch (error) {
    await handle.close()
    throw error
  }

  return {
    bytes: () => total,
    async take(stream, onBytes) {
      let chunks: Buffer[] = []
      let gathered = 0
      let writing: Promise<unknown> = Promise.resolve()
      let failed = false
      /** While one batch goes to the disk the next one is received; never more than two are in memory. */
      async function flush(): Promise<void> {
        await writing
        if (gathered === 0) return
        const batch = chunks
        const batchBytes = gathered
        chunks = []
        gathered = 0
        writing = writeAll(batch, batchBytes)
        // It is awaited with the next batch, or below; a failure before that is not lost.
        writing.catch(() => (failed = true))
      }
      async function writeAll(batch: Buffer[], batchBytes: number): Promise<void> {
        const { bytesWritten } = await handle.writev(batch, total)
        if (bytesWritten !== batchBytes) throw new Error('the disk took only a part of a piece')
        for (const chunk of batch) hash.update(chunk)
        total += batchBytes
        onBytes(total)
      }
      try {
        for await (const chunk of stream) {
          if (total + gathered + chunk.length > limitBytes) throw new TooLongError()
          chunks.push(chunk)
          gathered += chunk.length
          if (gathered >= BUFFER_BYTES || failed) await flush()
        }
      } finally {
        await flush()
        await writing
      }
    },
    digest: () => hash.copy().digest('hex'),
    restart,
    close: () => handle.close(),
  }
}
