/** The first file of a cabinet ([MS-CAB]), stored or compressed with MSZIP. LZX is not read. */
import { inflateRawSync } from 'node:zlib'
import type { Window } from '../window.ts'

const HEADER_BYTES = 36
const FOLDER_BYTES = 8
const DATA_BYTES = 8
const RESERVE = 4
const STORED = 0
const MSZIP = 1
const BLOCK_BYTES = 32 * 1024
const BLOCK_LIMIT = 512

/** Null: no cabinet, damaged, or compressed in another way. @throws AppError E_PACKAGE_LIMIT */
export function firstInCabinet(window: Window, at: number, limitBytes: number): Buffer | null {
  const header = window.read(at, HEADER_BYTES + 4)
  if (header.length < HEADER_BYTES + 4 || header.toString('latin1', 0, 4) !== 'MSCF') return null
  const filesAt = at + header.readUInt32LE(16)
  const hasReserve = (header.readUInt16LE(30) & RESERVE) !== 0
  const reserve = hasReserve ? 4 + header.readUInt16LE(36) : 0
  const folderReserve = hasReserve ? header[38]! : 0
  const dataReserve = hasReserve ? header[39]! : 0
  const folder = window.read(at + HEADER_BYTES + reserve, FOLDER_BYTES + folderReserve)
  const file = window.read(filesAt, 16)
  if (folder.length < FOLDER_BYTES || file.length < 16) return null
  const fileBytes = file.readUInt32LE(0)
  const fileFrom = file.readUInt32LE(4)
  const method = folder.readUInt16LE(6) & 0xf
  if (fileFrom + fileBytes > limitBytes || ![STORED, MSZIP].includes(method)) return null
  const pieces: Buffer[] = []
  let dictionary: Buffer = Buffer.alloc(0)
  let done = 0
  let dataAt = at + folder.readUInt32LE(0)
  const count = Math.min(folder.readUInt16LE(4), BLOCK_LIMIT)
  for (let i = 0; i < count && done < fileFrom + fileBytes; i++) {
    const data = window.read(dataAt, DATA_BYTES)
    if (data.length < DATA_BYTES) return null
    const packedBytes = data.readUInt16LE(4)
    const packed = window.read(dataAt + DATA_BYTES + dataReserve, packedBytes)
    dataAt += DATA_BYTES + dataReserve + packedBytes
    window.spend(BLOCK_BYTES)
    const piece = method === STORED ? packed : mszip(packed, dictionary)
    if (!piece) return null
    dictionary = piece.length === 0 ? dictionary : piece
    pieces.push(piece)
    done += piece.length
  }
  if (done < fileFrom + fileBytes) return null
  window.spend(done)
  return Buffer.concat(pieces).subarray(fileFrom, fileFrom + fileBytes)
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
