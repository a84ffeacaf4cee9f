/**
 * Compound files, the container of .msi packages ([MS-CFB], learn.microsoft.com/openspecs/windows_protocols/ms-cfb). Reads the
 * directory and single streams by random access, so the size of the file does not matter. Every chain is as long as its length
 * says, at most: a circle in the tables ends it.
 */
import type { FileHandle } from 'node:fs/promises'
import { unreadable } from './facts.ts'
import { readAt } from './window.ts'

const HEADER_BYTES = 512
const MAGIC = 'd0cf11e0a1b11ae1'
const ENTRY_BYTES = 128
const DIFAT_IN_HEADER = 109
const LAST_SECTOR = 0xfffffff9
const STREAM = 2
const ROOT = 5
/** Real packages have some hundred streams, one per table and file. */
const DIRECTORY_LIMIT_BYTES = 8 * 1024 * 1024
const FAT_LIMIT_SECTORS = 64 * 1024

export type CompoundStream = { name: string; sizeBytes: number; first: number; isMini: boolean }

const damaged = (what: string) => unreadable(`its ${what} is damaged or cut off`)

export type Compound = {
  streams: readonly CompoundStream[]
  /** The whole of a stream, which must not be larger than `limitBytes`. */
  read: (stream: CompoundStream, limitBytes: number) => Promise<Buffer>
}

/** @throws AppError E_PACKAGE_UNREADABLE with what is wrong */
export async function openCompound(handle: FileHandle, fileBytes: number): Promise<Compound> {
  const header = await readAt(handle, 0, HEADER_BYTES)
  if (header.length < HEADER_BYTES || header.subarray(0, 8).toString('hex') !== MAGIC)
    throw unreadable('it is not a Windows Installer package')
  const sectorShift = header.readUInt16LE(30)
  const miniShift = header.readUInt16LE(32)
  if (![9, 12].includes(sectorShift) || miniShift !== 6) throw damaged('header')
  const sectorBytes = 2 ** sectorShift
  const miniBytes = 2 ** miniShift
  const miniCutoff = header.readUInt32LE(56)
  const perSector = sectorBytes / 4

  async function sector(number: number): Promise<Buffer> {
    const at = (number + 1) * sectorBytes
    if (number >= LAST_SECTOR || at >= fileBytes) throw damaged('structure')
    const bytes = await readAt(handle, at, sectorBytes)
    // The last sector may be shorter than the others.
    return bytes.length === sectorBytes
      ? bytes
      : Buffer.concat([bytes, Buffer.alloc(sectorBytes - bytes.length)])
  }

  /** Where the parts of the sector table lie: the first 109 in the header, the others in a chain. */
  async function readDifat(): Promise<number[]> {
    const found: number[] = []
    const count = header.readUInt32LE(44)
    if (count > FAT_LIMIT_SECTORS) throw damaged('sector table')
    for (let i = 0; i < Math.min(count, DIFAT_IN_HEADER); i++)
      found.push(header.readUInt32LE(76 + 4 * i))
    for (let next = header.readUInt32LE(68); found.length < count;) {
      const part = await sector(next)
      for (let i = 0; i < perSector - 1 && found.length < count; i++)
        found.push(part.readUInt32LE(4 * i))
      next = part.readUInt32LE(sectorBytes - 4)
    }
    return found
  }
  const difat = await readDifat()
  const fat = new Map<number, Buffer>()
  async function nextSector(number: number): Promise<number> {
    const index = Math.floor(number / perSector)
    const place = difat[index]
    if (place === undefined) throw damaged('sector table')
    let part = fat.get(index)
    if (!part) fat.set(index, (part = await sector(place)))
    return part.readUInt32LE(4 * (number % perSector))
  }

  /** So many bytes of a chain; null: as long as it is, up to the limit. */
  async function readChain(first: number, sizeBytes: number | null): Promise<Buffer> {
    const limit = sizeBytes ?? DIRECTORY_LIMIT_BYTES
    const pieces: Buffer[] = []
    let bytes = 0
    for (let at = first; bytes < limit; at = await nextSector(at)) {
      if (sizeBytes === null && at > LAST_SECTOR) break
      pieces.push(await sector(at))
      bytes += sectorBytes
    }
    if (sizeBytes === null && bytes >= limit) throw damaged('directory')
    return Buffer.concat(pieces).subarray(0, sizeBytes ?? bytes)
  }

  const directory = await readChain(header.readUInt32LE(48), null)
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

  let mini: Promise<{ table: Buffer; bytes: Buffer }> | null = null
  async function loadMini(): Promise<{ table: Buffer; bytes: Buffer }> {
    if (miniSize > 4 * DIRECTORY_LIMIT_BYTES) throw damaged('directory')
    const tableBytes = header.readUInt32LE(64) * sectorBytes
    if (tableBytes > DIRECTORY_LIMIT_BYTES) throw damaged('sector table')
    return {
      table: await readChain(header.readUInt32LE(60), tableBytes),
      bytes: await readChain(miniFirst, miniSize),
    }
  }
  async function readMini(stream: CompoundStream): Promise<Buffer> {
    const { table, bytes } = await (mini ??= loadMini())
    const pieces: Buffer[] = []
    for (let at = stream.first, left = stream.sizeBytes; left > 0; left -= miniBytes) {
      const from = at * miniBytes
      if (from + 1 > bytes.length || 4 * at + 4 > table.length) throw damaged('structure')
      pieces.push(bytes.subarray(from, from + Math.min(miniBytes, left)))
      at = table.readUInt32LE(4 * at)
    }
    return Buffer.concat(pieces)
  }

  return {
    streams,
    async read(stream, limitBytes) {
      if (stream.sizeBytes > limitBytes || stream.sizeBytes > fileBytes)
        throw unreadable('a table in it is larger than any real one')
      if (stream.sizeBytes === 0) return Buffer.alloc(0)
      return stream.isMini ? readMini(stream) : readChain(stream.first, stream.sizeBytes)
    },
  }
}
