/**
 * Sends package bytes: the only hand-written hot path, because library streams cost several times
 * as much. Each download holds at most two shared 1 MiB blocks, one being sent and the next being
 * read.
 */
import { once } from 'node:events'
import { open, type FileHandle } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '#shared/contract/errors.ts'
import { CHUNK_BYTES } from '#shared/domain/defaults.ts'
import type { Sha256 } from '#shared/domain/ids.ts'
import type { Log } from '../../base/context.ts'
import type { Bandwidth, Lane } from './bandwidth.ts'
import type { Block, BlockPool } from './blocks.ts'
import { parseRange, type ByteRange } from './range.ts'
import type { Slots } from './slots.ts'
import { write, writePaced } from './write.ts'

export type ServeTimings = {
  /** A reader that reads nothing for this long is disconnected. */
  stallMs: number
  /** Seconds after which a refused client may retry. */
  retryAfterSeconds: number
}
export type ServeDeps = {
  pool: BlockPool
  slots: Slots
  bandwidth: Bandwidth
  timings: ServeTimings
  log: Log
  /** The file does not match what was stored. */
  onFault: () => void
}
export type Source = {
  sha256: Sha256
  sizeBytes: number
  path: string
  lane: Lane
  /**
   * Name of this file version in the pool: blocks of a replaced file are never mixed with the new
   * one.
   */
  blocks: string
}

/** The requested byte range. @throws AppError E_RANGE, its header set */
function wantedRange(
  request: IncomingMessage,
  response: ServerResponse,
  source: Source,
): ByteRange | 'whole' {
  const etag = `"${source.sha256}"`
  const ifRange = request.headers['if-range']
  const header = ifRange === undefined || ifRange === etag ? request.headers.range : undefined
  const range = parseRange(header, source.sizeBytes)
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${source.sizeBytes}`)
    throw new AppError(
      'E_RANGE',
      `The file has ${source.sizeBytes} bytes; the requested range is outside of it.`,
    )
  }
  return range
}

function writeHead(response: ServerResponse, source: Source, range: ByteRange | 'whole'): void {
  response.setHeader('content-type', 'application/octet-stream')
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('cache-control', 'no-store')
  response.setHeader('accept-ranges', 'bytes')
  response.setHeader('etag', `"${source.sha256}"`)
  if (range === 'whole') {
    response.setHeader('content-length', source.sizeBytes)
    response.writeHead(200)
  } else {
    response.setHeader('content-length', range.to - range.from + 1)
    response.setHeader('content-range', `bytes ${range.from}-${range.to}/${source.sizeBytes}`)
    response.writeHead(206)
  }
}

function refuse(response: ServerResponse, retryAfterSeconds: number): void {
  const busy = new AppError('E_RATE_LIMITED', 'Too many downloads at the same time.')
  const text = JSON.stringify(busy.toReply())
  response.writeHead(503, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'retry-after': String(retryAfterSeconds),
    'cache-control': 'no-store',
  })
  response.end(text)
}

async function fill(handle: FileHandle, buffer: Buffer, index: number, sizeBytes: number) {
  const position = index * CHUNK_BYTES
  const wanted = Math.min(CHUNK_BYTES, sizeBytes - position)
  for (let done = 0; done < wanted;) {
    const { bytesRead } = await handle.read(buffer, done, wanted - done, position + done)
    if (bytesRead === 0) throw new Error('the stored file is shorter than it was')
    done += bytesRead
  }
  return wanted
}

async function pump(
  deps: ServeDeps,
  response: ServerResponse,
  handle: FileHandle,
  source: Source,
  range: ByteRange,
): Promise<void> {
  const last = Math.floor(range.to / CHUNK_BYTES)
  const load = (index: number): Promise<Block> =>
    deps.pool.acquire(source.blocks, index, (buffer) =>
      fill(handle, buffer, index, source.sizeBytes),
    )
  let index = Math.floor(range.from / CHUNK_BYTES)
  let next: Promise<Block> | null = load(index)
  try {
    while (next) {
      const block: Block = await next
      next = index < last ? load(index + 1) : null
      next?.catch(() => undefined) // handled when it is awaited
      try {
        const start = index * CHUNK_BYTES
        const bytes = block.buffer.subarray(
          Math.max(range.from - start, 0),
          Math.min(range.to - start + 1, block.sizeBytes),
        )
        if (deps.bandwidth.isLimited())
          await writePaced(deps.bandwidth, source.lane, response, bytes)
        else await write(response, bytes)
      } finally {
        deps.pool.release(block)
      }
      index++
    }
  } finally {
    // Aborted half-way: also return the block that was being read ahead.
    if (next) await next.then(deps.pool.release, () => undefined)
  }
}

/**
 * Answers GET or HEAD with the content: Content-Length, ETag, one Range (206, 416), If-Range.
 * Downloads beyond the available slots wait in a bounded queue, then get 503 with Retry-After.
 * @throws AppError E_RANGE, E_NOT_FOUND (the file is missing), only before the head was sent
 */
export async function serve(
  deps: ServeDeps,
  request: IncomingMessage,
  response: ServerResponse,
  source: Source,
): Promise<void> {
  const range = wantedRange(request, response, source)
  if (request.method === 'HEAD' || source.sizeBytes === 0) {
    writeHead(response, source, range)
    response.end()
    return
  }
  const gone = new AbortController()
  const onClose = () => gone.abort()
  response.once('close', onClose)
  const release = await deps.slots.take(gone.signal)
  response.off('close', onClose)
  if (!release) {
    if (!gone.signal.aborted) refuse(response, deps.timings.retryAfterSeconds)
    return
  }
  try {
    await send(deps, response, source, range)
  } finally {
    release()
  }
}

async function send(
  deps: ServeDeps,
  response: ServerResponse,
  source: Source,
  range: ByteRange | 'whole',
): Promise<void> {
  let handle: FileHandle
  try {
    handle = await open(source.path, 'r')
  } catch (cause) {
    deps.log.error({ err: cause, sha256: source.sha256 }, 'a stored file cannot be opened')
    deps.onFault()
    throw new AppError('E_NOT_FOUND', 'The stored file cannot be read. Upload it again.', [], {
      cause,
    })
  }
  if ((await handle.stat()).size !== source.sizeBytes) {
    await handle.close()
    deps.onFault()
    throw new AppError('E_NOT_FOUND', 'The stored file is damaged. Upload it again.')
  }
  response.on('error', () => undefined) // a write to a closing connection: reported through its callback
  response.setTimeout(deps.timings.stallMs, () => response.destroy())
  try {
    writeHead(response, source, range)
    const bytes = range === 'whole' ? { from: 0, to: source.sizeBytes - 1 } : range
    await pump(deps, response, handle, source, bytes)
    response.end()
    if (!response.writableFinished && !response.destroyed) await once(response, 'close')
  } catch (error) {
    // The head is sent: close the connection, so that the client notices the incomplete body.
    if (!response.destroyed) {
      deps.log.error({ err: error, sha256: source.sha256 }, 'a download was aborted')
      deps.onFault()
    }
    response.destroy()
  } finally {
    await handle.close()
  }
}
