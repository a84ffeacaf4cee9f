/**
 * Finds and unpacks the header of an Inno Setup installer (Inno Setup, Projects/Src/Shared.Struct.pas and Compression.Base.pas;
 * innoextract, src/loader/offsets.cpp and src/stream/block.cpp). Since version 5.1.5 a resource has its position. The checksum
 * that matches shows which variant of a structure is stored.
 */
import { crc32 } from 'node:zlib'
import { cutOff, unreadable } from '../../../facts.ts'
import { unpackLzma } from '../../packed/lzma.ts'
import type { Window } from '../../window.ts'
import { RT_RCDATA, type Program } from '../program.ts'
import { isKnownFormat } from './formats.ts'

const OFFSETS_RESOURCE = 11_111
/** Size of the offset table by its version; version 2 has 64-bit positions. */
const OFFSETS_BYTES: Readonly<Record<number, number>> = { 1: 44, 2: 64 }
/** First bytes of the offset table, in hex. */
const MAGICS = ['72446c507453cde6d77b0b2a', '6e53355737645483aa1b0f6a']
const ID_BYTES = 64
const ID = /^Inno Setup Setup Data \(((\d+)\.(\d+)\.(\d+)(?:\.\d+)?)\)( \(u\))?/
/** Since 6.5.0, before the header: what is encrypted, how, and in the last 4 bytes a test of the password, 0 without one. */
const ENCRYPTION_BYTES = 49
/** First byte of that record: the header itself is encrypted. */
const ENCRYPTED_HEADER = 2
const CHUNK_BYTES = 4096
const STORED_LIMIT_BYTES = 8 * 1024 * 1024
const UNPACKED_LIMIT_BYTES = 6 * 1024 * 1024

/** Positions in the file. `data` is 0 if the data is in other files. */
export type InnoOffsets = { header: number; data: number }
export type InnoHeader = {
  /** Version of the data format, which may be older than that of Inno Setup: 6.1.0 is 60_100. */
  format: number
  /** The version as it is stored, such as `6.1.0`. */
  formatText: string
  /** Its strings are UTF-16; otherwise Windows-1252. */
  isUnicode: boolean
  /** The unpacked header. */
  bytes: Buffer
  /** Null: formats before 6.5.0 store this in the header itself. */
  hasPassword: boolean | null
}
/** Why the header cannot be read. `formatText` is empty if the format is unknown, too. */
export type InnoProblem = { problem: 'encrypted' | 'unknown'; formatText: string }

/**
 * Null: not made with Inno Setup 5.1.5 or newer. `newer`: the version of its offset table is not known.
 * @throws AppError E_PACKAGE_UNREADABLE when it is cut off or damaged
 */
export function innoOffsets(program: Program): InnoOffsets | 'newer' | null {
  const { window, overlay } = program
  const place = program.resource(RT_RCDATA, OFFSETS_RESOURCE)
  if (!place || place.sizeBytes < OFFSETS_BYTES[1]!) return null
  const head = window.read(place.at, 16)
  if (!MAGICS.includes(head.toString('hex', 0, 12))) return null
  const version = head.readUInt32LE(12)
  const bytes = OFFSETS_BYTES[version]
  if (bytes === undefined) return 'newer'
  const table = window.read(place.at, Math.min(bytes, place.sizeBytes))
  if (table.length < bytes || crc32(table.subarray(0, -4)) !== table.readUInt32LE(bytes - 4))
    throw unreadable(
      'it is damaged: the offset table of this Inno Setup installer does not match its checksum',
    )
  const [totalBytes, header, data] =
    version === 1
      ? ([16, 32, 36] as const).map((at) => table.readUInt32LE(at))
      : ([16, 40, 48] as const).map((at) => Number(table.readBigInt64LE(at)))
  const end = overlay.at + overlay.sizeBytes
  if (totalBytes! > end) throw cutOff('this Inno Setup installer', totalBytes!, end)
  return { header: header!, data: data! }
}

/** The stored header: position and size in the file, and the encryption record before it, if there is one. */
type HeaderBlock = { at: number; storedBytes: number; isPacked: boolean; encryption: Buffer | null }

/** Null: what precedes the stored header is damaged, or of an unknown variant. */
function findHeaderBlock(window: Window, at: number): HeaderBlock | null {
  const record = window.read(at, 4 + ENCRYPTION_BYTES)
  const hasEncryption =
    record.length === 4 + ENCRYPTION_BYTES && crc32(record.subarray(4)) === record.readUInt32LE(0)
  const from = hasEncryption ? at + record.length : at
  const head = window.read(from, 13)
  // A checksum, the stored size in 4 bytes or in newer formats in 8, and whether it is packed.
  for (const width of [4, 8]) {
    const bytes = 4 + width + 1
    if (head.length < bytes || crc32(head.subarray(4, bytes)) !== head.readUInt32LE(0)) continue
    const storedBytes = width === 4 ? head.readUInt32LE(4) : Number(head.readBigUInt64LE(4))
    const isPacked = head[bytes - 1] !== 0
    const encryption = hasEncryption ? record.subarray(4) : null
    return { at: from + bytes, storedBytes, isPacked, encryption }
  }
  return null
}

/** The stored header without the checksum before each of its chunks. Null: damaged. */
function joinChunks(window: Window, block: HeaderBlock): Buffer | null {
  const stored = window.read(block.at, block.storedBytes)
  if (stored.length < block.storedBytes) return null
  const chunks: Buffer[] = []
  for (let from = 0; from + 4 < stored.length; from += 4 + CHUNK_BYTES) {
    const chunk = stored.subarray(from + 4, from + 4 + CHUNK_BYTES)
    if (crc32(chunk) !== stored.readUInt32LE(from)) return null
    chunks.push(chunk)
  }
  window.spend(stored.length)
  return Buffer.concat(chunks)
}

/** Null: damaged, or not packed with LZMA. */
function unpack(window: Window, joined: Buffer): Buffer | null {
  window.spend(UNPACKED_LIMIT_BYTES)
  try {
    return unpackLzma(joined, UNPACKED_LIMIT_BYTES, { isOpenEnded: true, leftMs: window.leftMs })
  } catch {
    return null
  }
}

/** @throws AppError E_PACKAGE_UNREADABLE when it is damaged */
export function innoHeader({ window }: Program, offsets: InnoOffsets): InnoHeader | InnoProblem {
  const id = ID.exec(window.read(offsets.header, ID_BYTES).toString('latin1'))
  if (!id) return { problem: 'unknown', formatText: '' }
  const formatText = id[1]!
  const format = Number(id[2]) * 10_000 + Number(id[3]) * 100 + Number(id[4])
  const unknown: InnoProblem = { problem: 'unknown', formatText }
  const block = findHeaderBlock(window, offsets.header + ID_BYTES)
  if (block?.encryption?.[0] === ENCRYPTED_HEADER) return { problem: 'encrypted', formatText }
  if (block && block.storedBytes > STORED_LIMIT_BYTES) return unknown
  const joined = block && joinChunks(window, block)
  if (!joined && isKnownFormat(format))
    throw unreadable(
      'it is damaged: the header of this Inno Setup installer does not match its checksum',
    )
  const bytes = joined && (block.isPacked ? unpack(window, joined) : joined)
  if (!bytes) return unknown
  return {
    format,
    formatText,
    isUnicode: id[5] !== undefined || format >= 60_300,
    bytes,
    hasPassword: block.encryption && block.encryption.readUInt32LE(ENCRYPTION_BYTES - 4) !== 0,
  }
}
