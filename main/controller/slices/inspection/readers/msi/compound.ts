/**
 * Compound files, the container of .msi packages ([MS-CFB], learn.microsoft.com/openspecs/windows_protocols/ms-cfb). Reads the
 * directory and single streams by random access, so the size of the file does not matter. Every chain is bounded by its declared
 * length, so a cycle in the tables ends.
 */
import { unreadable } from '../../facts.ts'
import type { Window } from '../window.ts'

const HEADER_BYTES = 512
const MAGIC = 'd0cf11e0a1b11ae1'
const ENTRY_BYTES = 128
const DIFAT_IN_HEADER = 109
const LAST_SECTOR = 0xfffffff9
const STORAGE = 1
const STREAM = 2
const ROOT = 5
/** Storages within storages; packages have one level, for embedded transforms. */
const DEPTH_LIMIT = 8
const PIECE_BYTES = 256 * 1024
/** Real packages have a few hundred streams, one per table and file. */
const DIRECTORY_LIMIT_BYTES = 8 * 1024 * 1024
/** The format allows no other value. */
const MINI_CUTOFF_BYTES = 4096
const FAT_LIMIT_SECTORS = 64 * 1024

export type CompoundStream = {
  kind: 'stream'
  name: string
  sizeBytes: number
  first: number
  isMini: boolean
}
/** A folder of streams. */
export type CompoundStorage = {
  kind: 'storage'
  name: string
  /** 16 bytes, in hex: what kind of object it is. */
  classId: string
  children: readonly (CompoundStream | CompoundStorage)[]
}

const damaged = (what: string) => unreadable(`its ${what} is damaged or cut off`)

export type Compound = {
  root: CompoundStorage
  /** Directly in the root. */
  streams: readonly CompoundStream[]
  /** A whole stream, which must not be larger than `limitBytes`. */
  read: (stream: CompoundStream, limitBytes: number) => Buffer
  /** The pieces of a stream of any size. Each is valid until the next is taken. */
  pieces: (stream: CompoundStream) => Iterable<Buffer>
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem, E_PACKAGE_LIMIT */
export function openCompound(window: Window): Compound {
  const fileBytes = window.sizeBytes
  const header = window.read(0, HEADER_BYTES)
  if (header.length < HEADER_BYTES || header.subarray(0, 8).toString('hex') !== MAGIC)
    throw unreadable('it is not a Windows Installer package')
  const sectorShift = header.readUInt16LE(30)
  const miniShift = header.readUInt16LE(32)
  const miniCutoff = header.readUInt32LE(56)
  if (![9, 12].includes(sectorShift) || miniShift !== 6 || miniCutoff > MINI_CUTOFF_BYTES)
    throw damaged('header')
  const sectorBytes = 2 ** sectorShift
  const miniBytes = 2 ** miniShift
  const perSector = sectorBytes / 4

  /** Copies a sector into place. The last one of the file may be shorter, unless it holds a table. */
  function copySector(number: number, into: Buffer, table?: string): void {
    const at = (number + 1) * sectorBytes
    if (number >= LAST_SECTOR) throw damaged(table ?? 'structure')
    if (at >= fileBytes || (table !== undefined && at + sectorBytes > fileBytes))
      throw unreadable(`it is cut off, or its ${table ?? 'structure'} is damaged`)
    into.fill(0, window.fill(into, at))
  }
  const scratch = Buffer.alloc(sectorBytes)

  /** The locations of the sector table's parts: the first 109 are in the header, the others in a chain. */
  function readDifat(): number[] {
    const found: number[] = []
    const count = header.readUInt32LE(44)
    if (count > FAT_LIMIT_SECTORS) throw damaged('sector table')
    for (let i = 0; i < Math.min(count, DIFAT_IN_HEADER); i++)
      found.push(header.readUInt32LE(76 + 4 * i))
    for (let next = header.readUInt32LE(68); found.length < count;) {
      copySector(next, scratch, 'sector table')
      for (let i = 0; i < perSector - 1 && found.length < count; i++)
        found.push(scratch.readUInt32LE(4 * i))
      next = scratch.readUInt32LE(sectorBytes - 4)
    }
    return found
  }
  const difat = readDifat()
  const tablePart = Buffer.alloc(sectorBytes)
  let loaded = -1
  /** Chains mostly stay within one part of the table, so that part is cached. */
  function nextSector(number: number): number {
    const index = Math.floor(number / perSector)
    const place = difat[index]
    if (place === undefined) throw damaged('sector table')
    if (loaded !== index) {
      loaded = -1
      copySector(place, tablePart, 'sector table')
      loaded = index
    }
    return tablePart.readUInt32LE(4 * (number % perSector))
  }

  /** The first `sizeBytes` of a chain. @param table what it holds, if it is no stream */
  function readChain(first: number, sizeBytes: number, table?: string): Buffer {
    if (sizeBytes > fileBytes) throw damaged(table ?? 'structure')
    window.spend(sizeBytes)
    const whole = Buffer.allocUnsafeSlow(sizeBytes)
    for (let at = first, done = 0; done < sizeBytes; done += sectorBytes) {
      copySector(at, whole.subarray(done, done + sectorBytes), table)
      if (done + sectorBytes < sizeBytes) at = nextSector(at)
    }
    return whole
  }
  /** The length of a chain in bytes, which the directory does not record. A cycle ends at the limit. */
  function chainBytes(first: number): number {
    let bytes = 0
    for (let at = first; at <= LAST_SECTOR; at = nextSector(at)) {
      bytes += sectorBytes
      if (bytes > DIRECTORY_LIMIT_BYTES) throw damaged('directory')
    }
    return bytes
  }

  const directoryAt = header.readUInt32LE(48)
  const directory = readChain(
    directoryAt,
    Math.min(chainBytes(directoryAt), fileBytes),
    'directory',
  )
  const entryCount = Math.floor(directory.length / ENTRY_BYTES)
  const seen = new Set<number>()
  /** The entries of a storage form a tree of siblings. An entry that occurs twice is a cycle. */
  function childrenOf(first: number, depth: number): (CompoundStream | CompoundStorage)[] {
    const found: (CompoundStream | CompoundStorage)[] = []
    const waiting = [first]
    for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
      if (index >= entryCount) continue
      if (seen.has(index) || depth > DEPTH_LIMIT) throw damaged('directory')
      seen.add(index)
      const at = index * ENTRY_BYTES
      waiting.push(directory.readUInt32LE(at + 68), directory.readUInt32LE(at + 72))
      const entry = entryAt(at)
      if (directory[at + 66] === STREAM) found.push(entry)
      if (directory[at + 66] === STORAGE) found.push(storageAt(at, depth + 1))
    }
    return found
  }
  function entryAt(at: number): CompoundStream {
    const nameBytes = Math.min(directory.readUInt16LE(at + 64), 64)
    const sizeBytes = directory.readUInt32LE(at + 120)
    return {
      kind: 'stream',
      name: directory.toString('utf16le', at, at + Math.max(0, nameBytes - 2)),
      sizeBytes,
      first: directory.readUInt32LE(at + 116),
      isMini: sizeBytes < miniCutoff,
    }
  }
  function storageAt(at: number, depth: number): CompoundStorage {
    return {
      kind: 'storage',
      name: entryAt(at).name,
      classId: directory.toString('hex', at + 80, at + 96),
      children: childrenOf(directory.readUInt32LE(at + 76), depth),
    }
  }
  if (entryCount === 0 || directory[66] !== ROOT) throw damaged('directory')
  seen.add(0)
  const root = storageAt(0, 0)
  const { first: miniFirst, sizeBytes: miniSize } = entryAt(0)

  let mini: { table: Buffer; bytes: Buffer } | null = null
  function loadMini(): { table: Buffer; bytes: Buffer } {
    if (miniSize > 4 * DIRECTORY_LIMIT_BYTES) throw damaged('directory')
    const tableBytes = header.readUInt32LE(64) * sectorBytes
    if (tableBytes > DIRECTORY_LIMIT_BYTES) throw damaged('sector table')
    return {
      table: readChain(header.readUInt32LE(60), tableBytes, 'sector table'),
      bytes: readChain(miniFirst, miniSize),
    }
  }
  function readMini(stream: CompoundStream): Buffer {
    const { table, bytes } = (mini ??= loadMini())
    const whole = Buffer.alloc(stream.sizeBytes)
    for (let at = stream.first, done = 0; done < whole.length; done += miniBytes) {
      const from = at * miniBytes
      if (from + 1 > bytes.length || 4 * at + 4 > table.length) throw damaged('structure')
      bytes.copy(whole, done, from, from + Math.min(miniBytes, whole.length - done))
      at = table.readUInt32LE(4 * at)
    }
    return whole
  }

  /** @throws AppError E_PACKAGE_UNREADABLE when a part of a stream is missing */
  function checkLengths(storage: CompoundStorage): void {
    for (const child of storage.children) {
      if (child.kind === 'storage') checkLengths(child)
      else if (!child.isMini) checkLength(child)
    }
  }
  let countedBytes = 0
  function checkLength({ first, sizeBytes }: CompoundStream): void {
    countedBytes += sizeBytes
    // Streams share no sectors, so more than the file has cannot be there; this also bounds the walk.
    let isThere = countedBytes <= fileBytes
    for (let at = first, left = sizeBytes; isThere && left > 0; left -= sectorBytes) {
      const usedBytes = Math.min(left, sectorBytes)
      isThere = at < LAST_SECTOR && (at + 1) * sectorBytes + usedBytes <= fileBytes
      if (isThere && left > sectorBytes) at = nextSector(at)
    }
    if (!isThere) throw unreadable('it is cut off: a part of its files is missing')
  }
  checkLengths(root)

  function* pieces(stream: CompoundStream): Generator<Buffer> {
    if (stream.isMini) {
      if (stream.sizeBytes > 0) yield readMini(stream)
      return
    }
    const buffer = Buffer.alloc(PIECE_BYTES)
    let at = stream.first
    for (let left = stream.sizeBytes; left > 0;) {
      // Adjacent sectors are read together.
      const from = at
      let count = 1
      for (; count * sectorBytes < Math.min(left, PIECE_BYTES); count++) {
        at = nextSector(at)
        if (at !== from + count) break
      }
      const bytes = buffer.subarray(0, Math.min(left, count * sectorBytes))
      if (from >= LAST_SECTOR || window.fill(bytes, (from + 1) * sectorBytes) < bytes.length)
        throw damaged('structure')
      yield bytes
      left -= bytes.length
      if (left > 0 && at === from + count - 1) at = nextSector(at)
    }
  }

  return {
    root,
    streams: root.children.filter((child) => child.kind === 'stream'),
    pieces,
    read(stream, limitBytes) {
      if (stream.sizeBytes > limitBytes || stream.sizeBytes > fileBytes)
        throw unreadable('a table in it is larger than any real one')
      if (stream.sizeBytes === 0) return Buffer.alloc(0)
      return stream.isMini ? readMini(stream) : readChain(stream.first, stream.sizeBytes)
    },
  }
}
