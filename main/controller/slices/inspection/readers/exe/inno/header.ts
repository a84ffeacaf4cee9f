/**
 * Where Inno Setup keeps its header, and how to unpack it (Inno Setup, Projects/Src/Shared.Struct.pas and Compression.Base.pas;
 * innoextract, src/loader/offsets.cpp and src/stream/block.cpp). Since version 5.1.5 a resource says where it is.
 */
import { crc32 } from 'node:zlib'
import { unreadable } from '../../../facts.ts'
import { unpackLzma } from '../../packed/lzma.ts'
import { RT_RCDATA, type Program } from '../program.ts'

const OFFSETS_RESOURCE = 11_111
const OFFSETS_BYTES = 44
const MAGICS = ['72446c507453cde6d77b0b2a', '6e53355737645483aa1b0f6a']
const ID_BYTES = 64
const ID = /^Inno Setup Setup Data \((\d+)\.(\d+)\.(\d+)(?:\.(\d+))?\)( \(u\))?/
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
}

/** Null: not made with Inno Setup 5.1.5 or newer. @throws AppError E_PACKAGE_UNREADABLE when it is cut off */
export function innoOffsets(program: Program): InnoOffsets | null {
  const { window, overlay } = program
  const place = program.resource(RT_RCDATA, OFFSETS_RESOURCE)
  if (!place || place.sizeBytes < OFFSETS_BYTES) return null
  const table = window.read(place.at, OFFSETS_BYTES)
  if (!MAGICS.includes(table.toString('hex', 0, 12))) return null
  if (crc32(table.subarray(0, 40)) !== table.readUInt32LE(40)) return null
  const totalBytes = table.readUInt32LE(16)
  const end = overlay.at + overlay.sizeBytes
  if (totalBytes > end)
    throw unreadable(
      `it is cut off: this Inno Setup installer has ${totalBytes} bytes, ${end} are there`,
    )
  return { header: table.readUInt32LE(32), data: table.readUInt32LE(36) }
}

/** The stored blocks of the header without their checksums. Null: damaged, or of a newer format. */
function joinedChunks(program: Program, at: number): Buffer | null {
  const { window } = program
  const head = window.read(at, 9)
  if (head.length < 9 || crc32(head.subarray(4)) !== head.readUInt32LE(0)) return null
  const storedBytes = head.readUInt32LE(4)
  if (storedBytes > STORED_LIMIT_BYTES) return null
  const stored = window.read(at + 9, storedBytes)
  const chunks: Buffer[] = []
  for (let from = 0; from + 4 < stored.length; from += 4 + CHUNK_BYTES) {
    const chunk = stored.subarray(from + 4, from + 4 + CHUNK_BYTES)
    if (crc32(chunk) !== stored.readUInt32LE(from)) return null
    chunks.push(chunk)
  }
  window.spend(stored.length)
  const joined = Buffer.concat(chunks)
  if (head[8] === 0) return joined
  window.spend(UNPACKED_LIMIT_BYTES)
  try {
    return unpackLzma(joined, UNPACKED_LIMIT_BYTES, { isOpenEnded: true, leftMs: window.leftMs })
  } catch {
    return null
  }
}

/** Null: damaged, or of a format that is not known. */
export function innoHeader(program: Program, offsets: InnoOffsets): InnoHeader | null {
  const id = ID.exec(program.window.read(offsets.header, ID_BYTES).toString('latin1'))
  if (!id) return null
  const [major, minor, patch] = [Number(id[1]), Number(id[2]), Number(id[3])]
  const format = major * 10_000 + minor * 100 + patch
  const bytes = joinedChunks(program, offsets.header + ID_BYTES)
  if (!bytes) return null
  const formatText = `${major}.${minor}.${patch}`
  return { format, formatText, isUnicode: id[5] !== undefined || format >= 60_300, bytes }
}
