/**
 * Zip archives (APPNOTE.TXT), alone or inside another file. yauzl reads the directory; single files are unpacked here, because its
 * streams never end when a file has another size than the directory says.
 */
import { crc32, inflateRawSync } from 'node:zlib'
import type { Readable } from 'node:stream'
import { Inflate } from 'fflate'
import yauzl from 'yauzl'
import { AppError } from '#shared/contract/errors.ts'
import { quoted } from '#shared/domain/archive-rule.ts'
import { unreadable } from '../facts.ts'
import type { Window } from './window.ts'

/** Packages have some thousand files. */
const ENTRY_LIMIT = 100_000
const LOCAL_BYTES = 30
const LOCAL_MAGIC = 0x04034b50
const STORED = 0
const DEFLATED = 8
const STEP_BYTES = 64 * 1024
/** Packed bytes that may unpack to a thousand times as many. */
const STREAM_STEP_BYTES = 4 * 1024

export type ZipEntry = {
  name: string
  sizeBytes: number
  isEncrypted: boolean
  /** The whole file, if it is no larger than this. Null: it is, or it is damaged. */
  unpack: (limitBytes: number) => Buffer | null
  /** Its first bytes, at most this many. Null: damaged. */
  start: (bytes: number) => Buffer | null
  /** All of its bytes in pieces, until `take` returns false. @returns whether they are as its directory says */
  stream: (take: (piece: Uint8Array) => boolean) => boolean
  /** Where its bytes are, if they are stored as they are. */
  stored: () => { at: number; sizeBytes: number } | null
}

/** Lets the library read through the window, so that its reads count. */
class WindowReader extends yauzl.RandomAccessReader {
  readonly #window: Window
  constructor(window: Window) {
    super()
    this.#window = window
  }
  override _readStreamForRange(): Readable {
    throw new Error('the files in the archive are read here')
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

const refused = (what: string, error: Error): AppError =>
  error instanceof AppError ? error : unreadable(`${what} (${error.message})`, error)

const openZip = (window: Window): Promise<yauzl.ZipFile> =>
  new Promise<yauzl.ZipFile>((resolve, reject) => {
    const opened = (error: Error | null, file: yauzl.ZipFile): void => {
      if (error) reject(refused('it is not a readable zip archive', error))
      else resolve(file)
    }
    const options = { lazyEntries: true, autoClose: false }
    yauzl.fromRandomAccessReader(new WindowReader(window), window.sizeBytes, options, opened)
  })

/**
 * Every entry of the directory, in its order.
 * @throws AppError E_PACKAGE_UNREADABLE, E_PACKAGE_LIMIT, and what `take` throws
 */
export async function eachEntry(
  window: Window,
  take: (entry: ZipEntry, head: yauzl.Entry) => void,
): Promise<void> {
  const zip = await openZip(window)
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('entry', (head: yauzl.Entry) => {
        try {
          take(entryOf(window, head), head)
          zip.readEntry()
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
      zip.once('end', resolve)
      // The library itself reports names that lead out of the archive.
      zip.once('error', (error: Error) => reject(refused('its zip directory is damaged', error)))
      zip.readEntry()
    })
  } finally {
    zip.close()
  }
}

/** Null: no archive, or its directory is damaged. @throws AppError E_PACKAGE_LIMIT */
export async function listZip(window: Window): Promise<ZipEntry[] | null> {
  const found: ZipEntry[] = []
  try {
    await eachEntry(window, (entry) => {
      if (found.push(entry) > ENTRY_LIMIT)
        throw unreadable('it contains more files than any real one')
    })
  } catch (error) {
    if (error instanceof AppError && error.code === 'E_PACKAGE_UNREADABLE') return null
    throw error
  }
  return found
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
  const found = new Map<string, Buffer>()
  let entries = 0
  await eachEntry(window, (entry) => {
    const { name, sizeBytes } = entry
    if (++entries > ENTRY_LIMIT) throw unreadable('it contains more files than any real one')
    if (!isWanted(name) || found.has(name)) return
    const shown = quoted(name.slice(-100))
    if (entry.isEncrypted) throw unreadable('it is protected by a password')
    if (sizeBytes > limitBytes) throw unreadable(`${shown} in it is larger than is read`)
    const bytes = entry.unpack(limitBytes)
    if (!bytes) throw unreadable(`${shown} in it is damaged`)
    found.set(name, bytes)
  })
  return found
}

function entryOf(window: Window, head: yauzl.Entry): ZipEntry {
  const { compressionMethod: method, compressedSize: packedBytes } = head
  const { uncompressedSize: sizeBytes } = head

  function place(): { at: number; sizeBytes: number } | null {
    const from = head.relativeOffsetOfLocalHeader
    const local = window.read(from, LOCAL_BYTES)
    if (local.length < LOCAL_BYTES || local.readUInt32LE(0) !== LOCAL_MAGIC) return null
    const at = from + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28)
    return at + packedBytes > window.sizeBytes ? null : { at, sizeBytes: packedBytes }
  }
  function start(bytes: number): Buffer | null {
    const found = place()
    const wanted = Math.min(bytes, sizeBytes)
    if (!found) return null
    if (method === STORED) return window.read(found.at, Math.min(wanted, packedBytes))
    if (method !== DEFLATED) return null
    window.spend(wanted)
    const out = Buffer.alloc(wanted)
    let done = 0
    const stream = new Inflate((piece) => {
      out.set(piece.subarray(0, wanted - done), done)
      done += Math.min(piece.length, wanted - done)
    })
    try {
      for (let at = 0; at < packedBytes && done < wanted; at += STEP_BYTES)
        stream.push(window.read(found.at + at, Math.min(STEP_BYTES, packedBytes - at)))
    } catch (error) {
      if (error instanceof AppError) throw error
      return null
    }
    return out.subarray(0, done)
  }
  function stream(take: (piece: Uint8Array) => boolean): boolean {
    const found = place()
    if (!found || (method !== STORED && method !== DEFLATED)) return false
    let done = 0
    let isWanted = true
    const give = (piece: Uint8Array): void => {
      done += piece.length
      if (isWanted && done <= sizeBytes) isWanted = take(piece)
    }
    const inflating = method === DEFLATED ? new Inflate(give) : null
    const step = inflating ? STREAM_STEP_BYTES : STEP_BYTES
    window.spend(step)
    const packed = Buffer.allocUnsafeSlow(step)
    try {
      for (let at = 0; at < packedBytes && isWanted && done <= sizeBytes; at += step) {
        const count = window.fill(
          packed.subarray(0, Math.min(step, packedBytes - at)),
          found.at + at,
        )
        if (count === 0) return false
        const piece = packed.subarray(0, count)
        if (inflating) inflating.push(piece, at + step >= packedBytes)
        else give(piece)
      }
    } catch (error) {
      if (error instanceof AppError) throw error
      return false
    }
    return isWanted && done === sizeBytes
  }
  function unpack(limitBytes: number): Buffer | null {
    const found = sizeBytes > limitBytes ? null : place()
    // Nothing grows by more than a few bytes when it is deflated.
    if (!found || packedBytes > sizeBytes + STEP_BYTES) return null
    if (method !== STORED && method !== DEFLATED) return null
    const packed = window.read(found.at, packedBytes)
    let whole = packed
    if (method === DEFLATED) {
      window.spend(sizeBytes)
      try {
        whole = inflateRawSync(packed, { maxOutputLength: Math.max(1, sizeBytes) })
      } catch {
        return null
      }
    }
    return whole.length === sizeBytes && crc32(whole) === head.crc32 ? whole : null
  }
  return {
    name: head.fileName,
    sizeBytes,
    isEncrypted: head.isEncrypted(),
    start,
    stream,
    unpack,
    stored: () => (method === STORED ? place() : null),
  }
}
