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
/** The largest number of a sector. Larger ones mark, for example, the end of a chain. */
const MAX_SECTOR = 0xfffffff9
const STORAGE = 1
const STREAM = 2
const ROOT = 5
/** Storages within storages; packages have one level, for embedded transforms. */
const DEPTH_LIMIT = 8
const PIECE_BYTES = 256 * 1024
/** Real packages have a few hundred streams, one per table and file. */
const DIRECTORY_LIMIT_BYTES = 8 * 1024 * 1024
/** The only value that the format allows. Smaller ones are accepted. */
const MINI_CUTOFF_BYTES = 4096
const FAT_LIMIT_SECTORS = 64 * 1024

export type CompoundStream = {
  kind: 'stream'
  name: string
  sizeBytes: number
  /** Of the file, or with `isMini` of the mini stream. */
  firstSector: number
  /** Small streams are stored in one stream together, the mini stream. */
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

/** @param what the damaged part, for people */
const damaged = (what: string) => unreadable(`its ${what} is damaged or cut off`)

export type Compound = {
  root: CompoundStorage
  /** Directly in the root. */
  streams: readonly CompoundStream[]
  /** A whole stream. @throws AppError E_PACKAGE_UNREADABLE when it is larger than `limitBytes`, damaged or cut off */
  read: (stream: CompoundStream, limitBytes: number) => Buffer
  /** A stream of any size, in pieces that are valid until the next one is taken. @throws AppError E_PACKAGE_UNREADABLE */
  pieces: (stream: CompoundStream) => Iterable<Buffer>
}

/** @throws AppError E_PACKAGE_UNREADABLE when it is damaged, cut off or another kind of file; E_PACKAGE_LIMIT */
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

  /** Copies a sector to `into`. The last one of the file may be shorter, unless it belongs to a table. */
  function copySector(number: number, into: Buffer, tableName?: string): void {
    const at = (number + 1) * sectorBytes
    if (number >= MAX_SECTOR) throw damaged(tableName ?? 'structure')
    if (at >= fileBytes || (tableName !== undefined && at + sectorBytes > fileBytes))
      throw unreadable(`it is cut off, or its ${tableName ?? 'structure'} is damaged`)
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
  /** The sector after this one in its chain. Chains mostly stay within one part of the sector table, so that part is cached. */
  function nextSector(number: number): number {
    const index = Math.floor(number / perSector)
    const tableSector = difat[index]
    if (tableSector === undefined) throw damaged('sector table')
    if (loaded !== index) {
      loaded = -1
      copySector(tableSector, tablePart, 'sector table')
      loaded = index
    }
    return tablePart.readUInt32LE(4 * (number % perSector))
  }

  /** The first `sizeBytes` of a chain. @param tableName what the chain holds, for errors; undefined: a stream */
  function readChain(firstSector: number, sizeBytes: number, tableName?: string): Buffer {
    if (sizeBytes > fileBytes) throw damaged(tableName ?? 'structure')
    window.spend(sizeBytes)
    const whole = Buffer.allocUnsafeSlow(sizeBytes)
    for (let sector = firstSector, done = 0; done < sizeBytes; done += sectorBytes) {
      copySector(sector, whole.subarray(done, done + sectorBytes), tableName)
      if (done + sectorBytes < sizeBytes) sector = nextSector(sector)
    }
    return whole
  }
  /** The length of a chain in bytes, which the directory does not record. A cycle ends at the limit. */
  function chainBytes(firstSector: number): number {
    let bytes = 0
    for (let sector = firstSector; sector <= MAX_SECTOR; sector = nextSector(sector)) {
      bytes += sectorBytes
      if (bytes > DIRECTORY_LIMIT_BYTES) throw damaged('directory')
    }
    return bytes
  }

  const directorySector = header.readUInt32LE(48)
  const directory = readChain(
    directorySector,
    Math.min(chainBytes(directorySector), fileBytes),
    'directory',
  )
  const entryCount = Math.floor(directory.length / ENTRY_BYTES)
  const seen = new Set<number>()
  /** The entries of a storage, which form a tree; one that occurs twice shows a cycle. @param rootEntry index of the tree's root */
  function childrenOf(rootEntry: number, depth: number): (CompoundStream | CompoundStorage)[] {
    const found: (CompoundStream | CompoundStorage)[] = []
    const waiting = [rootEntry]
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
      firstSector: directory.readUInt32LE(at + 116),
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
  const { firstSector: miniFirstSector, sizeBytes: miniSize } = entryAt(0)

  let mini: { table: Buffer; bytes: Buffer } | null = null
  function loadMini(): { table: Buffer; bytes: Buffer } {
    if (miniSize > 4 * DIRECTORY_LIMIT_BYTES) throw damaged('directory')
    const tableBytes = header.readUInt32LE(64) * sectorBytes
    if (tableBytes > DIRECTORY_LIMIT_BYTES) throw damaged('sector table')
    return {
      table: readChain(header.readUInt32LE(60), tableBytes, 'sector table'),
      bytes: readChain(miniFirstSector, miniSize),
    }
  }
  function readMini(stream: CompoundStream): Buffer {
    const { table, bytes } = (mini ??= loadMini())
    const whole = Buffer.alloc(stream.sizeBytes)
    for (let sector = stream.firstSector, done = 0; done < whole.length; done += miniBytes) {
      const from = sector * miniBytes
      if (from + 1 > bytes.length || 4 * sector + 4 > table.length) throw damaged('structure')
      bytes.copy(whole, done, from, from + Math.min(miniBytes, whole.length - done))
      sector = table.readUInt32LE(4 * sector)
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
  function checkLength({ firstSector, sizeBytes }: CompoundStream): void {
    countedBytes += sizeBytes
    // Streams share no sectors, so together they cannot be larger than the file. This also limits the number of steps.
    let isComplete = countedBytes <= fileBytes
    for (let sector = firstSector, left = sizeBytes; isComplete && left > 0; left -= sectorBytes) {
      const usedBytes = Math.min(left, sectorBytes)
      isComplete = sector < MAX_SECTOR && (sector + 1) * sectorBytes + usedBytes <= fileBytes
      if (isComplete && left > sectorBytes) sector = nextSector(sector)
    }
    if (!isComplete) throw unreadable('it is cut off: a part of its streams is missing')
  }
  checkLengths(root)

  function* pieces(stream: CompoundStream): Generator<Buffer> {
    if (stream.isMini) {
      if (stream.sizeBytes > 0) yield readMini(stream)
      return
    }
    const buffer = Buffer.alloc(PIECE_BYTES)
    let sector = stream.firstSector
    for (let left = stream.sizeBytes; left > 0;) {
      // Adjacent sectors are read together.
      const from = sector
      let count = 1
      for (; count * sectorBytes < Math.min(left, PIECE_BYTES); count++) {
        sector = nextSector(sector)
        if (sector !== from + count) break
      }
      const bytes = buffer.subarray(0, Math.min(left, count * sectorBytes))
      if (from >= MAX_SECTOR || window.fill(bytes, (from + 1) * sectorBytes) < bytes.length)
        throw damaged('structure')
      yield bytes
      left -= bytes.length
      if (left > 0 && sector === from + count - 1) sector = nextSector(sector)
    }
  }

  return {
    root,
    streams: root.children.filter((child) => child.kind === 'stream'),
    pieces,
    read(stream, limitBytes) {
      if (stream.sizeBytes > limitBytes || stream.sizeBytes > fileBytes)
        throw unreadable('a stream in it is larger than any real one')
      if (stream.sizeBytes === 0) return Buffer.alloc(0)
      return stream.isMini ? readMini(stream) : readChain(stream.firstSector, stream.sizeBytes)
    },
  }
}
