/** The first file of a cabinet ([MS-CAB]), stored or compressed with MSZIP or LZX. */
import { inflateRawSync } from 'node:zlib'
import type { Window } from '../window.ts'
import { LzxError, unpackLzx } from './lzx.ts'

const HEADER_BYTES = 36
const FOLDER_BYTES = 8
const DATA_BYTES = 8
const RESERVE = 4
const STORED = 0
const MSZIP = 1
const LZX = 3
const BLOCK_BYTES = 32 * 1024
const BLOCK_LIMIT = 512

type Block = { packed: Buffer; bytes: number }
type Folder = {
  method: number
  windowBits: number
  blocks: Block[]
  file: { from: number; bytes: number }
}

/** The blocks that the first file needs. Null: no cabinet, or damaged. */
function folderAt(window: Window, at: number, limitBytes: number): Folder | null {
  const header = window.read(at, HEADER_BYTES + 4)
  if (header.length < HEADER_BYTES + 4 || header.toString('latin1', 0, 4) !== 'MSCF') return null
  const filesAt = at + header.readUInt32LE(16)
  const hasReserve = (header.readUInt16LE(30) & RESERVE) !== 0
  const reserve = hasReserve ? 4 + header.readUInt16LE(36) : 0
  const folderReserve = hasReserve ? header[38]! : 0
  const dataReserve = hasReserve ? header[39]! : 0
  const folder = window.read(at + HEADER_BYTES + reserve, FOLDER_BYTES + folderReserve)
  const entry = window.read(filesAt, 16)
  if (folder.length < FOLDER_BYTES || entry.length < 16) return null
  const file = { from: entry.readUInt32LE(4), bytes: entry.readUInt32LE(0) }
  if (file.from + file.bytes > limitBytes) return null
  const blocks: Block[] = []
  const count = Math.min(folder.readUInt16LE(4), BLOCK_LIMIT)
  let dataAt = at + folder.readUInt32LE(0)
  for (let i = 0, there = 0; i < count && there < file.from + file.bytes; i++) {
    const data = window.read(dataAt, DATA_BYTES)
    if (data.length < DATA_BYTES) return null
    const packedBytes = data.readUInt16LE(4)
    const packed = window.read(dataAt + DATA_BYTES + dataReserve, packedBytes)
    const bytes = data.readUInt16LE(6)
    blocks.push({ packed, bytes })
    dataAt += DATA_BYTES + dataReserve + packedBytes
    there += Math.min(bytes, BLOCK_BYTES)
  }
  const type = folder.readUInt16LE(6)
  return { method: type & 0xf, windowBits: (type >> 8) & 0x1f, blocks, file }
}

function inflated(blocks: readonly Block[], window: Window): Buffer | null {
  const pieces: Buffer[] = []
  for (const { packed } of blocks) {
    window.spend(BLOCK_BYTES)
    const piece = mszip(packed, pieces.at(-1) ?? Buffer.alloc(0))
    if (!piece || piece.length === 0) return null
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function unpacked({ method, windowBits, blocks, file }: Folder, window: Window): Buffer | null {
  const limitBytes = file.from + file.bytes
  const packed = () => Buffer.concat(blocks.map((block) => block.packed))
  window.spend(2 * limitBytes + BLOCK_BYTES)
  switch (method) {
    case STORED:
      return packed()
    case MSZIP:
      return inflated(blocks, window)
    case LZX:
      try {
        const wholeBytes = blocks.reduce((sum, { bytes }) => sum + bytes, 0)
        return unpackLzx(packed(), windowBits, { wholeBytes, limitBytes, leftMs: window.leftMs })
      } catch (error) {
        if (error instanceof LzxError) return null
        throw error
      }
    default:
      return null
  }
}

/** Null: no cabinet, damaged, or compressed in another way. @throws AppError E_PACKAGE_LIMIT */
export function firstInCabinet(window: Window, at: number, limitBytes: number): Buffer | null {
  const folder = folderAt(window, at, limitBytes)
  const whole = folder && unpacked(folder, window)
  if (!folder || !whole) return null
  const { from, bytes } = folder.file
  return whole.length < from + bytes ? null : whole.subarray(from, from + bytes)
}

function mszip(packed: Buffer, dictionary: Buffer): Buffer | null {
  if (packed.toString('latin1', 0, 2) !== 'CK') return null
  try {
    return inflateRawSync(packed.subarray(2), {
      maxOutputLength: BLOCK_BYTES,
      ...(dictionary.length > 0 ? { dictionary } : {}),
    })
  } catch {
    return null
  }
}
