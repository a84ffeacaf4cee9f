/**
 * Compound files, the container of .msi packages ([MS-CFB], learn.microsoft.com/openspecs/windows_protocols/ms-cfb). Reads the
 * directory and single streams by random access, so the size of the file does not matter. Every chain is bounded by its declared
 * length, so a cycle in the tables ends.
 */
import { unreadable } from '../facts.ts'
import type { Window } from './window.ts'

const HEADER_BYTES = 512
const MAGIC = 'd0cf11e0a1b11ae1'
const ENTRY_BYTES = 128
const DIFAT_IN_HEADER = 109
const LAST_SECTOR = 0xfffffff9
const STREAM = 2
const ROOT = 5
/** Real packages have a few hundred streams, one per table and file. */
const DIRECTORY_LIMIT_BYTES = 8 * 1024 * 1024
/** The format allows no other value. */
const MINI_CUTOFF_BYTES = 4096
const FAT_LIMIT_SECTORS = 64 * 1024

export type CompoundStream = { name: string; sizeBytes: number; first: number; isMini: boolean }

const damaged = (what: string) => unreadable(`its ${what} is damaged or cut off`)

export type Compound = {
  streams: readonly CompoundStream[]
  /** A whole stream, which must not be larger than `limitBytes`. */
  read: (stream: CompoundStream, limitBytes: number) => Buffer
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

  /** Copies a sector into place; the last one of the file may be shorter. */
  function copySector(number: number, into: Buffer): void {
    const at = (number + 1) * sectorBytes
    if (number >= LAST_SECTOR || at >= fileBytes) throw damaged('structure')
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
      copySector(next, scratch)
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
      copySector(place, tablePart)
      loaded = index
    }
    return tablePart.readUInt32LE(4 * (number % perSector))
  }

  /** The first `sizeBytes` of a chain. */
  function readChain(first: number, sizeBytes: number): Buffer {
    if (sizeBytes > fileBytes) throw damaged('structure')
    window.spend(sizeBytes)
    const whole = Buffer.allocUnsafeSlow(sizeBytes)
    for (let at = first, done = 0; done < sizeBytes; done += sectorBytes) {
      copySector(at, whole.subarray(done, done + sectorBytes))
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
  const directory = readChain(directoryAt, Math.min(chainBytes(directoryAt), fileBytes))
  const streams: CompoundStream[] = []
  let root: { first: number; sizeBytes: number } | null = null
  for (let at = 0; at + ENTRY_BYTES <= directory.length; at += ENTRY_BYTES) {
    const nameBytes = Math.min(directory.readUInt16LE(at + 64), 64)
    const name = directory.toString('utf16le', at, at + Math.max(0, nameBytes - 2))
    const first = directory.readUInt32LE(at + 116)
    const sizeBytes = directory.readUInt32LE(at + 120)
    const kind = directory[at + 66]
    if (kind === ROOT) root = { first, sizeBytes }
    if (kind === STREAM) streams.push({ name, sizeBytes, first, isMini: sizeBytes < miniCutoff })
  }
  if (!root) throw damaged('directory')
  const { first: miniFirst, sizeBytes: miniSize } = root

  let mini: { table: Buffer; bytes: Buffer } | null = null
  function loadMini(): { table: Buffer; bytes: Buffer } {
    if (miniSize > 4 * DIRECTORY_LIMIT_BYTES) throw damaged('directory')
    const tableBytes = header.readUInt32LE(64) * sectorBytes
    if (tableBytes > DIRECTORY_LIMIT_BYTES) throw damaged('sector table')
    return {
      table: readChain(header.readUInt32LE(60), tableBytes),
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

  return {
    streams,
    read(stream, limitBytes) {
      if (stream.sizeBytes > limitBytes || stream.sizeBytes > fileBytes)
        throw unreadable('a table in it is larger than any real one')
      if (stream.sizeBytes === 0) return Buffer.alloc(0)
      return stream.isMini ? readMini(stream) : readChain(stream.first, stream.sizeBytes)
    },
  }
}
