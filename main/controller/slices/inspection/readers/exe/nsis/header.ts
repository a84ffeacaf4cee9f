/**
 * Where NSIS keeps its script, and how to unpack it (NSIS, Source/exehead/fileform.h and fileform.c). The first header is at
 * the end of the program, or at a multiple of 512 bytes after it.
 */
import { crc32 } from 'node:zlib'
import { Inflate } from 'fflate'
import { cutOff, unreadable } from '../../../facts.ts'
import { unpackBzip2 } from '../../packed/bzip2.ts'
import { unpackLzma } from '../../packed/lzma.ts'
import { unfilterX86 } from '../../packed/x86-filter.ts'
import type { Window } from '../../window.ts'
import type { Program } from '../program.ts'
import { isNsisStub } from '../stub.ts'

const MAGIC = Buffer.from('\xef\xbe\xad\xdeNullsoftInst', 'latin1')
const FIRST_HEADER_BYTES = 28
const STEP_BYTES = 512
const SEARCH_BYTES = 512 * 1024
/** Real scripts have a few hundred KiB. */
const SCRIPT_LIMIT_BYTES = 8 * 1024 * 1024
const INFLATE_STEP_BYTES = 64 * 1024
const UNINSTALLER = 1
const SILENT = 2
const NO_CHECKSUM = 4
/** Only forks of NSIS set these; their headers have other fields. */
const FLAGS_OF_FORKS = 0xf0
const CHECKSUM_STEP_BYTES = 1024 * 1024

export type FirstHeader = {
  at: number
  isUninstaller: boolean
  /** It never shows a window. */
  isSilent: boolean
  /** Unpacked size of the script. */
  scriptBytes: number
  /** Where all of its data end. */
  endAt: number
  hasChecksum: boolean
}

/** Null: not made with NSIS. @throws AppError E_PACKAGE_UNREADABLE when its data are cut off */
export function findFirstHeader(program: Program): FirstHeader | null {
  const { window, overlay } = program
  const bytes = window.read(overlay.at, Math.min(overlay.sizeBytes, SEARCH_BYTES))
  const first = (STEP_BYTES - (overlay.at % STEP_BYTES)) % STEP_BYTES
  const starts = first === 0 ? [] : [0]
  for (let at = first; at + FIRST_HEADER_BYTES <= bytes.length; at += STEP_BYTES) starts.push(at)
  const found = starts.find((at) => bytes.subarray(at + 4, at + 4 + MAGIC.length).equals(MAGIC))
  if (found === undefined) {
    const lastAt = bytes.length < first ? 0 : bytes.length - ((bytes.length - first) % STEP_BYTES)
    const mark = bytes.subarray(lastAt + 4, lastAt + 4 + MAGIC.length)
    const isBegun = mark.length >= 4 && mark.equals(MAGIC.subarray(0, mark.length))
    if (isBegun || isNsisStub(program))
      throw unreadable('it is cut off: the data of this NSIS installer are missing')
    return null
  }
  const flags = bytes.readUInt32LE(found)
  const at = overlay.at + found
  const endAt = at + bytes.readUInt32LE(found + 24)
  const dataEnd = overlay.at + overlay.sizeBytes
  if (endAt > dataEnd) throw cutOff('this NSIS installer', endAt, dataEnd)
  return {
    at,
    isUninstaller: (flags & UNINSTALLER) !== 0,
    isSilent: (flags & SILENT) !== 0,
    scriptBytes: bytes.readUInt32LE(found + 20),
    endAt,
    hasChecksum: (flags & (NO_CHECKSUM | FLAGS_OF_FORKS)) === 0,
  }
}

/**
 * Whether the file is as NSIS built it: compares the checksum of all its bytes after the first 512, which is stored at the end.
 * Null: it has no checksum, or computing it takes too long.
 */
export function isUnchanged({ window }: Program, header: FirstHeader): boolean | null {
  const end = header.endAt - 4
  if (!header.hasChecksum || end < STEP_BYTES) return null
  window.spend(CHECKSUM_STEP_BYTES)
  const step = Buffer.allocUnsafeSlow(CHECKSUM_STEP_BYTES)
  let sum = 0
  for (let at = STEP_BYTES; at < end;) {
    if (window.leftMs() === 0) return null
    const count = window.fill(step.subarray(0, Math.min(CHECKSUM_STEP_BYTES, end - at)), at)
    if (count === 0) return null
    sum = crc32(step.subarray(0, count), sum)
    at += count
  }
  const stored = window.read(end, 4)
  return stored.length < 4 ? null : stored.readUInt32LE(0) === sum
}

/** The first `wanted` bytes of a raw deflate stream. */
function inflateStart(packed: Buffer, wanted: number): Buffer {
  const out = Buffer.alloc(wanted)
  let done = 0
  const stream = new Inflate((piece) => {
    out.set(piece.subarray(0, wanted - done), done)
    done += Math.min(piece.length, wanted - done)
  })
  for (let at = 0; at < packed.length && done < wanted; at += INFLATE_STEP_BYTES)
    stream.push(packed.subarray(at, at + INFLATE_STEP_BYTES), false)
  return out.subarray(0, done)
}

const isLzma = (bytes: Buffer, at: number): boolean =>
  bytes.length > at + 6 && bytes.readUInt32LE(at) % 0x1000000 === 0x5d && bytes[at + 5] === 0
const isBzip2 = (bytes: Buffer, at: number): boolean => bytes[at] === 0x31 && bytes[at + 1]! < 14

/** Unpacks LZMA, which may have a byte before it: whether a filter was used. Null: the data are not LZMA. */
function lzmaOf(packed: Buffer, window: Window): ((wanted: number) => Buffer) | null {
  if (isLzma(packed, 0)) return (wanted) => unpackLzma(packed, wanted, window)
  const filter = packed[0]!
  if (filter > 1 || !isLzma(packed, 1)) return null
  return (wanted) => {
    // The filter also reads the bytes after a call.
    const bytes = unpackLzma(packed.subarray(1), wanted + 8, window)
    return (filter === 1 ? unfilterX86(bytes) : bytes).subarray(0, wanted)
  }
}
function decoderOf(packed: Buffer, window: Window): (wanted: number) => Buffer {
  const lzma = lzmaOf(packed, window)
  if (lzma) return lzma
  if (isBzip2(packed, 0)) return (wanted) => unpackBzip2(packed, wanted, window)
  return (wanted) => inflateStart(packed, wanted)
}

/** The script. Null: packed in a way that is not read, or damaged. */
export function unpackScript({ window }: Program, header: FirstHeader): Buffer | null {
  const { scriptBytes } = header
  if (scriptBytes < 300 || scriptBytes > SCRIPT_LIMIT_BYTES) return null
  const from = header.at + FIRST_HEADER_BYTES
  // A packed script is at most a few bytes larger than the unpacked one.
  const packed = window.read(from, Math.min(header.endAt - from, scriptBytes + 64 * 1024))
  if (packed.length < 12) return null
  window.spend(2 * (scriptBytes + 4))
  try {
    const isSolidLzma = lzmaOf(packed, window) !== null
    if (!isSolidLzma && packed.readUInt32LE(0) === scriptBytes)
      return packed.subarray(4, 4 + scriptBytes)
    if (!isSolidLzma && packed[3] === 0x80) {
      const body = packed.subarray(4, 4 + packed.readUIntLE(0, 3))
      const whole = decoderOf(body, window)(scriptBytes)
      return whole.length === scriptBytes ? whole : null
    }
    const whole = decoderOf(packed, window)(scriptBytes + 4)
    return whole.length === scriptBytes + 4 && whole.readUInt32LE(0) === scriptBytes
      ? whole.subarray(4)
      : null
  } catch {
    return null
  }
}
