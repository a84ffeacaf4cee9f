/**
 * A partially downloaded package on disk: written in large blocks, hashed while it is written, resumed where
 * it stopped.
 */
import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { Flow } from './answer.ts'

/**
 * Larger writes cost Linux several times the CPU time whenever its free memory is fragmented (measured on
 * ext4).
 */
const BUFFER_BYTES = 512 * 1024

export type PartFile = {
  /** Bytes that are in the file and in the hash. */
  bytes: () => number
  /** Appends the body. Bytes already written stay if the body fails. */
  take: (flow: Flow, onBytes: (total: number) => void) => Promise<void>
  /** SHA-256 of the current content, lower-case hex. */
  digest: () => string
  restart: () => Promise<void>
  close: () => Promise<void>
}

/** More bytes arrived than announced. */
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

/**
 * Opens or creates the file (0600). Hashes the content of an earlier run again; drops anything beyond
 * `limitBytes`.
 */
export async function openPartFile(file: string, limitBytes: number): Promise<PartFile> {
  // 'a+' would ignore the position and write at the end; without O_CREAT the file must exist. Never follows a
  // link.
  const flags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0)
  const handle = await open(file, flags).catch(() => open(file, 'wx+', 0o600))
  let hash = createHash('sha256')
  let total = 0
  let buffers = [Buffer.allocUnsafe(BUFFER_BYTES), Buffer.allocUnsafe(BUFFER_BYTES)] as const
  async function restart(): Promise<void> {
    await handle.truncate(0)
    hash = createHash('sha256')
    total = 0
  }
  try {
    const { size, nlink } = await handle.stat()
    if (nlink > 1) throw new Error('the file has a second name')
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
    take: (flow, onBytes) =>
      new Promise((resolve, reject) => {
        /** Received, but not in the buffer yet. Only filled while the disk is slower than the network. */
        const waiting: Buffer[] = []
        let used = 0
        let received = total
        let isWriting = false
        let isPaused = false
        let isEnded = false
        let isBroken = false
        let failure: Error | null = null

        async function write(bytes: Buffer): Promise<void> {
          for (let done = 0; done < bytes.length;) {
            // A nearly full disk accepts a part; the next call reports the error.
            const { bytesWritten } = await handle.write(
              bytes,
              done,
              bytes.length - done,
              total + done,
            )
            done += bytesWritten
          }
          total += bytes.length
          onBytes(total)
        }
        /** Writes and hashes the full buffer while the other one is filled. */
        function flush(): void {
          const [full, empty] = buffers
          const bytes = full.subarray(0, used)
          buffers = [empty, full]
          used = 0
          isWriting = true
          const writing = write(bytes)
          hash.update(bytes)
          writing
            .catch((error: unknown) => {
              // The hash includes bytes that are not on the disk: start again with the next try.
              hash = createHash('sha256')
              total = 0
              isBroken = true
              failure = error as Error
              isEnded = true
              flow.stop()
            })
            .finally(() => {
              isWriting = false
              pump()
            })
        }
        /** @returns how many bytes fit into the buffer */
        function add(piece: Buffer): number {
          let taken = 0
          while (taken < piece.length && used < BUFFER_BYTES) {
            const copied = piece.copy(buffers[0], used, taken)
            used += copied
            taken += copied
            if (used === BUFFER_BYTES && !isWriting) flush()
          }
          return taken
        }
        function setPaused(isFull: boolean): void {
          if (isFull === isPaused) return
          isPaused = isFull
          if (isFull) flow.pause()
          else flow.resume()
        }
        function pump(): void {
          if (isBroken) return isWriting ? undefined : reject(failure!)
          if (used === BUFFER_BYTES && !isWriting) flush()
          while (waiting.length > 0 && used < BUFFER_BYTES) {
            const piece = waiting.shift()!
            const taken = add(piece)
            if (taken < piece.length) waiting.unshift(piece.subarray(taken))
          }
          if (!isEnded) setPaused(used === BUFFER_BYTES)
          else if (!isWriting && used > 0) flush()
          else if (!isWriting) return failure ? reject(failure) : resolve()
        }
        /** Writes the received bytes even if the stream has failed: the next try continues after them. */
        function end(error: Error | null): void {
          if (isEnded) return
          isEnded = true
          failure = error
          pump()
        }
        flow.start((piece) => {
          if (isEnded) return
          received += piece.length
          if (received > limitBytes) {
            end(new TooLongError())
            return flow.stop()
          }
          const taken = waiting.length === 0 ? add(piece) : 0
          if (taken < piece.length) waiting.push(Buffer.from(piece.subarray(taken)))
          pump()
        }, end)
      }),
    digest: () => hash.copy().digest('hex'),
    restart,
    close: () => handle.close(),
  }
}
