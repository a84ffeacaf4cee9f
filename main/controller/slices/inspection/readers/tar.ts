/** Reads tar archives from their beginning, plain or compressed with gzip or xz. */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { AppError } from '#shared/contract/errors.ts'
import { safeArchivePath } from '#shared/domain/archives.ts'
import { unpackXz } from '#shared/node/xz.ts'
import { unreadable } from '../facts.ts'
import type { Window } from './window.ts'

const READ_BYTES = 256 * 1024
/** Unpacked bytes count as progress up to this multiple of the packed ones, so that a bomb makes hardly any. */
const COUNTED_RATIO = 2

/**
 * @param take gets each entry in its order; `stop` ends the reading. Contents that it does not read are skipped.
 * @throws AppError E_PACKAGE_UNREADABLE, E_PACKAGE_LIMIT, and what `take` throws
 */
export async function eachTarEntry(
  window: Window,
  take: (header: Header, content: AsyncIterable<unknown>) => Promise<'stop' | void> | void,
): Promise<void> {
  const first = window.read(0, 6).toString('hex')
  const source = createReadStream(window.path, { highWaterMark: READ_BYTES })
  const read = { packed: 0, unpacked: 0, counted: 0 }
  const counting = (what: 'packed' | 'unpacked') =>
    async function* (pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        read[what] += piece.length
        const bytes = read.packed + Math.min(read.unpacked, COUNTED_RATIO * read.packed)
        window.progressed(bytes - read.counted)
        read.counted = bytes
        yield piece
      }
    }
  const [packed, unpacked] = [counting('packed'), counting('unpacked')]
  const tar = extract()
  const end = tar as unknown as NodeJS.WritableStream
  const reading = first.startsWith('1f8b')
    ? pipeline(source, packed, createGunzip(), unpacked, end)
    : first === 'fd377a585a00'
      ? pipeline(source, packed, unpackXz, unpacked, end)
      : pipeline(source, packed, end)
  // The loop below throws the same error; this only keeps Node from reporting an unhandled rejection first.
  reading.catch(() => undefined)
  try {
    for await (const entry of tar) {
      if ((await take(entry.header, entry)) === 'stop') {
        source.destroy()
        tar.destroy()
        return
      }
      entry.resume()
    }
    await reading
  } catch (error) {
    source.destroy()
    tar.destroy()
    if (error instanceof AppError) throw error
    throw unreadable(
      `it is damaged or not a tar archive (${error instanceof Error ? error.message : String(error)})`,
      error,
    )
  }
}

/**
 * The file with this path. Null: there is none, it is larger than `limitBytes`, or no time is left.
 * @throws AppError E_PACKAGE_UNREADABLE, E_PACKAGE_LIMIT
 */
export async function tarFile(
  window: Window,
  path: string,
  limitBytes: number,
): Promise<Buffer | null> {
  let found: Buffer | null = null
  await eachTarEntry(window, async (header, content) => {
    if (window.leftMs() === 0) return 'stop'
    if (header.type !== 'file' || safeArchivePath(header.name) !== path) return
    if ((header.size ?? 0) > limitBytes) return 'stop'
    window.spend(2 * (header.size ?? 0))
    const pieces: Buffer[] = []
    for await (const piece of content) pieces.push(piece as Buffer)
    found = Buffer.concat(pieces)
    return 'stop'
  })
  return found
}
