/** Zip files, read through the window. */
import { promisify } from 'node:util'
import { Readable } from 'node:stream'
import yauzl from 'yauzl'
import { AppError } from '#shared/contract/errors.ts'
import { unreadable } from '../facts.ts'
import type { Window } from './window.ts'

const READ_BYTES = 256 * 1024
/** Packages have some thousand files. */
const ENTRY_LIMIT = 100_000

/** Lets the zip library read through the window, so that its reads count. */
class WindowReader extends yauzl.RandomAccessReader {
  readonly #window: Window
  constructor(window: Window) {
    super()
    this.#window = window
  }
  override _readStreamForRange(start: number, end: number): Readable {
    const window = this.#window
    function* pieces() {
      for (let at = start; at < end; at += READ_BYTES)
        yield window.read(at, Math.min(READ_BYTES, end - at))
    }
    return Readable.from(pieces())
  }
  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    let error: Error | null = null
    try {
      this.#window.spend(length)
      const there = this.#window.fill(buffer.subarray(offset, offset + length), position)
      if (there < length) error = new Error('it is cut off')
    } catch (failed) {
      error = failed as Error
    }
    process.nextTick(callback, error)
  }
}

/** @throws AppError E_PACKAGE_UNREADABLE, E_PACKAGE_LIMIT */
export const openZip = (window: Window): Promise<yauzl.ZipFile> =>
  new Promise<yauzl.ZipFile>((resolve, reject) => {
    const opened = (error: Error | null, file: yauzl.ZipFile): void => {
      if (error)
        reject(
          error instanceof AppError
            ? error
            : unreadable(`it is not a readable zip archive (${error.message})`, error),
        )
      else resolve(file)
    }
    const options = { lazyEntries: true, autoClose: false }
    yauzl.fromRandomAccessReader(new WindowReader(window), window.sizeBytes, options, opened)
  })

/** A whole stream. The library's streams never emit `close`, so neither an iterator nor a pipeline works. */
export async function wholeOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.once('end', resolve)
    stream.once('error', reject)
  })
  return Buffer.concat(chunks)
}

/**
 * The files with these names, unpacked.
 * @throws AppError E_PACKAGE_UNREADABLE also when one is larger than `limitBytes`; E_PACKAGE_LIMIT
 */
export async function zipFiles(
  window: Window,
  isWanted: (name: string) => boolean,
  limitBytes: number,
): Promise<ReadonlyMap<string, Buffer>> {
  const zip = await openZip(window)
  const openEntry = promisify<yauzl.Entry, Readable>(zip.openReadStream.bind(zip))
  const found = new Map<string, Buffer>()
  let entries = 0
  async function take(entry: yauzl.Entry): Promise<void> {
    if (++entries > ENTRY_LIMIT) throw unreadable('it contains more files than any real one')
    const { fileName: name, uncompressedSize: sizeBytes } = entry
    if (!isWanted(name) || found.has(name)) return
    if (entry.isEncrypted()) throw unreadable('it is protected by a password')
    if (sizeBytes > limitBytes) throw unreadable(`${name.slice(-100)} in it is larger than is read`)
    window.spend(sizeBytes)
    found.set(name, await wholeOf(await openEntry(entry)))
  }
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('entry', (entry: yauzl.Entry) => {
        take(entry).then(() => zip.readEntry(), reject)
      })
      zip.once('end', resolve)
      zip.once('error', reject)
      zip.readEntry()
    })
  } catch (error) {
    if (error instanceof AppError) throw error
    throw unreadable(
      `it is damaged (${error instanceof Error ? error.message : String(error)})`,
      error,
    )
  } finally {
    zip.close()
  }
  return found
}
