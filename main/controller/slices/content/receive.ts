/** Streams bytes to disk: hashed on the way, bounded, and either flushed completely or removed. */
import { createHash, webcrypto } from 'node:crypto'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { AppError } from '#shared/contract/errors.ts'
import { CHUNK_BYTES } from '#shared/domain/defaults.ts'
import type { Sha256 } from '#shared/domain/ids.ts'
import { asDiskError, diskFull, freeBytes } from './disk.ts'

/**
 * After this many bytes, flush and check the free space: the last flush stays short for any file
 * size, and a disk that fills up is detected before the database suffers.
 */
const CHECKPOINT_BYTES = 64 * 1024 * 1024
const IDLE_TIMEOUT_MS = 60_000

export type ReceiveOptions = {
  /** More than this is E_TOO_LARGE. */
  limitBytes: number
  /** If known beforehand: checked against the free space before the first byte. */
  sizeBytes?: number | undefined
  /** Without a byte for this long the transfer is aborted. */
  idleTimeoutMs?: number
  signal?: AbortSignal | undefined
}
export type ReceivePlace = {
  folder: string
  /** Space that stays free for the database. */
  reserveBytes: number
  clock: Clock
  random: Random
}
export type Received = { path: string; sha256: Sha256; sizeBytes: number; chunkHashes: Buffer }

async function writeAll(handle: FileHandle, buffer: Buffer, position: number): Promise<void> {
  for (let done = 0; done < buffer.length;) {
    const { bytesWritten } = await handle.write(buffer, done, buffer.length - done, position + done)
    done += bytesWritten
  }
}

const tooLarge = (limitBytes: number): AppError =>
  new AppError(
    'E_TOO_LARGE',
    `The file is larger than ${Math.floor(limitBytes / 1024 ** 2)} MiB, which is the maximum.`,
  )

/**
 * Streams `source` into a new file in `folder`. The caller moves or removes the file. The hash of
 * the whole is updated as bytes arrive (some ten microseconds per piece); the hashes of the 1 MiB
 * chunks are computed on the thread pool, in parallel with the write of the same buffer.
 * @throws AppError E_TOO_LARGE, E_DISK_FULL, E_UPLOAD_ABORTED; removes partial data
 */
export async function receive(
  source: Readable,
  { folder, reserveBytes, clock, random }: ReceivePlace,
  options: ReceiveOptions,
): Promise<Received> {
  const { limitBytes, sizeBytes, signal, idleTimeoutMs = IDLE_TIMEOUT_MS } = options
  source.on('error', () => undefined) // handled below; also covers errors after the transfer was aborted
  if (sizeBytes !== undefined && sizeBytes > limitBytes) throw tooLarge(limitBytes)
  if ((await freeBytes(folder)) < (sizeBytes ?? 0) + reserveBytes) throw diskFull()

  const path = join(folder, random.bytes(16).toString('hex'))
  const whole = createHash('sha256')
  const chunkHashes: Buffer[] = []
  const buffers = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const
  let active: 0 | 1 = 0
  let filled = 0
  let total = 0
  let written = 0
  let flushing: Promise<void> | null = null
  let diskFailed = false

  const aborted = (why: string, cause?: unknown) =>
    new AppError('E_UPLOAD_ABORTED', why, [], { cause })
  const onAbort = () => source.destroy(aborted('The transfer was stopped.'))
  // Set again only when it fires: bytes arrive too often to set a timer for each piece.
  let lastBytesMs = clock.monotonicMs()
  const onIdle = (): void => {
    const leftMs = lastBytesMs + idleTimeoutMs - clock.monotonicMs()
    if (leftMs > 0) cancelIdle = clock.setTimer(Math.ceil(leftMs), onIdle)
    else source.destroy(aborted(`No data arrived for ${Math.round(idleTimeoutMs / 1000)} seconds.`))
  }
  let cancelIdle = clock.setTimer(idleTimeoutMs, onIdle)
  signal?.addEventListener('abort', onAbort, { once: true })

  let handle: FileHandle
  try {
    handle = await open(path, 'wx', 0o600)
  } catch (error) {
    cancelIdle()
    signal?.removeEventListener('abort', onAbort)
    throw asDiskError(error)
  }

  const onDisk = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      diskFailed = true
      throw error
    }
  }
  async function flush(buffer: Buffer, index: number): Promise<void> {
    const position = written
    written += buffer.length
    const [digest] = await Promise.all([
      webcrypto.subtle.digest('SHA-256', buffer),
      onDisk(writeAll(handle, buffer, position)),
    ])
    chunkHashes[index] = Buffer.from(digest)
    if (written % CHECKPOINT_BYTES === 0) {
      await onDisk(handle.datasync())
      if ((await freeBytes(folder)) < reserveBytes) throw diskFull()
    }
  }
  async function flushActive(): Promise<void> {
    if (flushing) await flushing
    const buffer = buffers[active].subarray(0, filled)
    flushing = flush(buffer, chunkHashes.length)
    flushing.catch(() => undefined) // handled at the next flush
    chunkHashes.push(Buffer.alloc(0)) // placeholder until the digest is computed
    active = active === 0 ? 1 : 0
    filled = 0
  }

  let kept = false
  try {
    if (signal?.aborted) throw aborted('The transfer was stopped.')
    for await (const piece of source as AsyncIterable<Buffer>) {
      lastBytesMs = clock.monotonicMs()
      total += piece.length
      if (total > limitBytes) throw tooLarge(limitBytes)
      for (let at = 0; at < piece.length;) {
        const part = piece.subarray(at, at + CHUNK_BYTES - filled)
        whole.update(part)
        part.copy(buffers[active], filled)
        filled += part.length
        at += part.length
        if (filled === CHUNK_BYTES) await flushActive()
      }
    }
    cancelIdle()
    if (filled > 0) await flushActive()
    await (flushing as Promise<void> | null)
    await onDisk(handle.sync())
    kept = true
  } catch (error) {
    if (error instanceof AppError) throw error
    if (diskFailed) throw asDiskError(error)
    throw aborted('The transfer was interrupted. Nothing was stored.', error)
  } finally {
    cancelIdle()
    signal?.removeEventListener('abort', onAbort)
    await (flushing as Promise<void> | null)?.catch(() => undefined)
    await handle.close()
    if (!kept) await rm(path, { force: true })
  }
  return {
    path,
    sha256: whole.digest('hex') as Sha256,
    sizeBytes: total,
    chunkHashes: Buffer.concat(chunkHashes),
  }
}
