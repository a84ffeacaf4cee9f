/**
 * Where Inno Setup keeps its header, and how to unpack it (Inno Setup, Projects/Src/Shared.Struct.pas and Compression.Base.pas;
 * innoextract, src/loader/offsets.cpp and src/stream/block.cpp). Since version 5.1.5 a resource says where it is. Checksums tell
 * which form its parts have.
 */
import { crc32 } from 'node:zlib'
import { cutOff, unreadable } from '../../../facts.ts'
import { unpackLzma } from '../../packed/lzma.ts'
import type { Window } from '../../window.ts'
import { RT_RCDATA, type Program } from '../program.ts'
import { isKnownFormat } from './formats.ts'

const OFFSETS_RESOURCE = 11_111
/** By the version of the table; the second has places of 64 bits. */
const OFFSETS_BYTES: Readonly<Record<number, number>> = { 1: 44, 2: 64 }
const MAGICS = ['72446c507453cde6d77b0b2a', '6e53355737645483aa1b0f6a']
const ID_BYTES = 64
const ID = /^Inno Setup Setup Data \(((\d+)\.(\d+)\.(\d+)(?:\.\d+)?)\)( \(u\))?/
/** Since 6.5.0: what is encrypted, and a test of the password. */
const ENCRYPTION_BYTES = 49
const ENCRYPTED_HEADER = 2
const CHUNK_BYTES = 4096
const STORED_LIMIT_BYTES = 8 * 1024 * 1024
const UNPACKED_LIMIT_BYTES = 6 * 1024 * 1024

export type InnoOffsets = { header: number; data: number }
export type InnoHeader = {
  /** Version of the data format, which may be older than that of Inno Setup: 6.1.0 is 60_100. */
  format: number
  formatText: string
  isUnicode: boolean
  bytes: Buffer
  /** Null: in older formats, the header itself says so. */
  hasPassword: boolean | null
}
/** Why there is no header to read. `formatText`: empty if even that is unknown. */
export type InnoProblem = { problem: 'encrypted' | 'unknown'; formatText: string }

/**
 * Null: not made with Inno Setup 5.1.5 or newer. `newer`: its table has a form that is not known.
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
    throw unreadable('it is damaged: the table of this Inno Setup installer has another checksum')
  const [totalBytes, header, data] =
    version === 1
      ? ([16, 32, 36] as const).map((at) => table.readUInt32LE(at))
      : ([16, 40, 48] as const).map((at) => Number(table.readBigInt64LE(at)))
  const end = overlay.at + overlay.sizeBytes
  if (totalBytes! > end) throw cutOff('this Inno Setup installer', totalBytes!, end)
  return { header: header!, data: data! }
}

type Start = { at: number; storedBytes: number; isPacked: boolean; encryption: Buffer | null }

/** Where the block with the header begins; null: its head is damaged, or of an unknown form. */
function blockAt(window: Window, at: number): Start | null {
  const encryption = window.read(at, 4 + ENCRYPTION_BYTES)
  const hasEncryption =
    encryption.length === 4 + ENCRYPTION_BYTES &&
    crc32(encryption.subarray(4)) === encryption.readUInt32LE(0)
  const from = hasEncryption ? at + encryption.length : at
  const head = window.read(from, 13)
  for (const width of [4, 8]) {
    const bytes = 4 + width + 1
    if (head.length < bytes || crc32(head.subarray(4, bytes)) !== head.readUInt32LE(0)) continue
    const storedBytes = width === 4 ? head.readUInt32LE(4) : Number(head.readBigUInt64LE(4))
    const isPacked = head[bytes - 1] !== 0
    const details = hasEncryption ? encryption.subarray(4) : null
    return { at: from + bytes, storedBytes, isPacked, encryption: details }
  }
  return null
}

/** The stored blocks of the header without their checksums. Null: damaged. */
function joinedChunks(window: Window, start: Start): Buffer | null {
  const stored = window.read(start.at, start.storedBytes)
  if (stored.length < start.storedBytes) return null
  const chunks: Buffer[] = []
  for (let from = 0; from + 4 < stored.length; from += 4 + CHUNK_BYTES) {
    const chunk = stored.subarray(from + 4, from + 4 + CHUNK_BYTES)
    if (crc32(chunk) !== stored.readUInt32LE(from)) return null
    chunks.push(chunk)
  }
  window.spend(stored.length)
  return Buffer.concat(chunks)
}

/** Null: packed in an unknown way. */
function unpacked(window: Window, joined: Buffer): Buffer | null {
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
  const start = blockAt(window, offsets.header + ID_BYTES)
  if (start?.encryption?.[0] === ENCRYPTED_HEADER) return { problem: 'encrypted', formatText }
  if (start && start.storedBytes > STORED_LIMIT_BYTES) return unknown
  const joined = start && joinedChunks(window, start)
  if (!joined && isKnownFormat(format))
    throw unreadable('it is damaged: the header of this Inno Setup installer has another checksum')
  const bytes = joined && (start.isPacked ? unpacked(window, joined) : joined)
  if (!bytes) return unknown
  return {
    format,
    formatText,
    isUnicode: id[5] !== undefined || format >= 60_300,
    bytes,
    hasPassword: start.encryption && start.encryption.readUInt32LE(ENCRYPTION_BYTES - 4) !== 0,
  }
}
