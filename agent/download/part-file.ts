/** A package on its way to the disk: written in large pieces, hashed as it is written, continued where it stopped. */
import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { Flow } from './answer.ts'

/** Larger writes cost Linux several times the processor time whenever its free memory is in small pieces (measured on ext4). */
const BUFFER_BYTES = 512 * 1024

export type PartFile = {
  /** Bytes that are in the file and in the hash. */
  bytes: () => number
  /** Writes all that flows behind what is there. What was written stays when the flow fails. */
  take: (flow: Flow, onBytes: (total: number) => void) => Promise<void>
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
  // 'a+' would write at the end whatever the position; without O_CREAT the file has to be there. A link is never followed.
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
        /** Received, and not yet in the buffer. Anything only while the disk is slower than the network. */
        const waiting: Buffer[] = []
        let used = 0
        let received = total
        let isWriting = false
        let isHeldBack = false
        let isEnded = false
        let isBroken = false
        let failure: Error | null = null

        async function write(bytes: Buffer): Promise<void> {
          for (let done = 0; done < bytes.length;) {
            // A disk that is nearly full takes a part; the next call says why.
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
        /** The full buffer goes to the disk and through the hash, while the other one is filled. */
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
              // The hash has seen bytes that are not on the disk: another try begins anew.
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
        /** @returns how many bytes found room */
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
        function holdBack(isFull: boolean): void {
          if (isFull === isHeldBack) return
          isHeldBack = isFull
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
          if (!isEnded) holdBack(used === BUFFER_BYTES)
          else if (!isWriting && used > 0) flush()
          else if (!isWriting) return failure ? reject(failure) : resolve()
        }
        /** What came is written even when the stream has failed: the next try goes on behind it. */
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
