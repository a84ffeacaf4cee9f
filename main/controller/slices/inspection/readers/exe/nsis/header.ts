/**
 * Finds and unpacks the script of an NSIS installer (NSIS, Source/exehead/fileform.h and fileform.c). Its `firstheader` starts
 * at the end of the program, or at a later file offset that is a multiple of 512.
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
const ALIGNMENT_BYTES = 512
const SEARCH_LIMIT_BYTES = 512 * 1024
/** No script is smaller: NSIS's `header` structure has about this size. */
const SCRIPT_MIN_BYTES = 300
/** Real scripts have a few hundred KiB. */
const SCRIPT_LIMIT_BYTES = 8 * 1024 * 1024
const INFLATE_CHUNK_BYTES = 64 * 1024
/** Flags of the first header. */
const UNINSTALLER = 1
const SILENT = 2
const NO_CHECKSUM = 4
/** Only forks of NSIS set these; their headers have different fields. */
const FLAGS_OF_FORKS = 0xf0
/** The checksum does not cover the first bytes of the file. */
const CHECKSUM_FROM = 512
const CHECKSUM_CHUNK_BYTES = 1024 * 1024
/** The top byte of the packed size, if the script is compressed separately from the files. */
const COMPRESSED_MARK = 0x80

/** Positions are offsets in the file. */
export type FirstHeader = {
  at: number
  isUninstaller: boolean
  /** The installer always runs silently. */
  isSilent: boolean
  /** Unpacked size of the script. */
  scriptBytes: number
  /** End of the installer's data, including the checksum. */
  endAt: number
  /** False also for forks, whose checksum may differ. */
  hasChecksum: boolean
}

/** Null: not made with NSIS. @throws AppError E_PACKAGE_UNREADABLE when its data is cut off */
export function findFirstHeader(program: Program): FirstHeader | null {
  const { window, overlay } = program
  const bytes = window.read(overlay.at, Math.min(overlay.sizeBytes, SEARCH_LIMIT_BYTES))
  const aligned = (ALIGNMENT_BYTES - (overlay.at % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES
  const candidates = aligned === 0 ? [] : [0]
  for (let at = aligned; at + FIRST_HEADER_BYTES <= bytes.length; at += ALIGNMENT_BYTES)
    candidates.push(at)
  const found = candidates.find((at) => bytes.subarray(at + 4, at + 4 + MAGIC.length).equals(MAGIC))
  if (found === undefined) {
    // The file may end within the first header.
    const lastAt =
      bytes.length < aligned ? 0 : bytes.length - ((bytes.length - aligned) % ALIGNMENT_BYTES)
    const start = bytes.subarray(lastAt + 4, lastAt + 4 + MAGIC.length)
    const hasPartialMagic = start.length >= 4 && start.equals(MAGIC.subarray(0, start.length))
    if (hasPartialMagic || isNsisStub(program))
      throw unreadable('it is cut off: the data of this NSIS installer is missing')
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
 * Whether the file matches its CRC-32, which is stored at the end of the data. Null: it has no checksum, is too short, or the time
 * for optional work ran out.
 */
export function matchesChecksum({ window }: Program, header: FirstHeader): boolean | null {
  const end = header.endAt - 4
  if (!header.hasChecksum || end < CHECKSUM_FROM) return null
  window.spend(CHECKSUM_CHUNK_BYTES)
  const chunk = Buffer.allocUnsafeSlow(CHECKSUM_CHUNK_BYTES)
  let sum = 0
  for (let at = CHECKSUM_FROM; at < end;) {
    if (window.leftMs() === 0) return null
    const count = window.fill(chunk.subarray(0, Math.min(CHECKSUM_CHUNK_BYTES, end - at)), at)
    if (count === 0) return null
    sum = crc32(chunk.subarray(0, count), sum)
    at += count
  }
  const stored = window.read(end, 4)
  return stored.length < 4 ? null : stored.readUInt32LE(0) === sum
}

/** The first `wanted` bytes of a raw deflate stream, or fewer if it is shorter. @throws Error of fflate: it is damaged */
function inflate(packed: Buffer, wanted: number): Buffer {
  const out = Buffer.alloc(wanted)
  let done = 0
  const stream = new Inflate((piece) => {
    out.set(piece.subarray(0, wanted - done), done)
    done += Math.min(piece.length, wanted - done)
  })
  for (let at = 0; at < packed.length && done < wanted; at += INFLATE_CHUNK_BYTES)
    stream.push(packed.subarray(at, at + INFLATE_CHUNK_BYTES), false)
  return out.subarray(0, done)
}

/** The usual properties (0x5d), a dictionary of a multiple of 64 KiB, and the zero with which each stream starts. */
const isLzma = (bytes: Buffer, at: number): boolean =>
  bytes.length > at + 6 && bytes.readUInt32LE(at) % 0x1000000 === 0x5d && bytes[at + 5] === 0
/** NSIS omits bzip2's file header: the first byte marks a block, the next three are a position below 900,000. */
const isBzip2 = (bytes: Buffer, at: number): boolean => bytes[at] === 0x31 && bytes[at + 1]! < 14

/** Unpacks at most `wanted` bytes. @throws Error when the data is damaged */
type Decoder = (wanted: number) => Buffer

/** For LZMA data, which may follow a byte that says whether the x86 filter was applied. Null: the data is not LZMA. */
function lzmaDecoder(packed: Buffer, window: Window): Decoder | null {
  if (isLzma(packed, 0)) return (wanted) => unpackLzma(packed, wanted, window)
  const filter = packed[0]!
  if (filter > 1 || !isLzma(packed, 1)) return null
  return (wanted) => {
    // The filter also reads the bytes after a call instruction.
    const bytes = unpackLzma(packed.subarray(1), wanted + 8, window)
    return (filter === 1 ? unfilterX86(bytes) : bytes).subarray(0, wanted)
  }
}

function chooseDecoder(packed: Buffer, window: Window): Decoder {
  const lzma = lzmaDecoder(packed, window)
  if (lzma) return lzma
  if (isBzip2(packed, 0)) return (wanted) => unpackBzip2(packed, wanted, window)
  return (wanted) => inflate(packed, wanted)
}

/**
 * Unpacks the script, which is stored as it is, compressed separately, or the first part of one compressed stream with the files
 * ("solid"). Null: damaged, or of an implausible size.
 */
export function unpackScript({ window }: Program, header: FirstHeader): Buffer | null {
  const { scriptBytes } = header
  if (scriptBytes < SCRIPT_MIN_BYTES || scriptBytes > SCRIPT_LIMIT_BYTES) return null
  const from = header.at + FIRST_HEADER_BYTES
  // Compression adds a few bytes at most, so this much holds all of the packed script.
  const packed = window.read(from, Math.min(header.endAt - from, scriptBytes + 64 * 1024))
  if (packed.length < 12) return null
  // The unpacked script, and as much again for what its decoder allocates.
  window.spend(2 * (scriptBytes + 4))
  try {
    const isSolidLzma = lzmaDecoder(packed, window) !== null
    const size = packed.readUInt32LE(0)
    if (!isSolidLzma && size === scriptBytes) return packed.subarray(4, 4 + scriptBytes)
    if (!isSolidLzma && size >>> 24 === COMPRESSED_MARK) {
      const body = packed.subarray(4, 4 + (size & 0xffffff))
      const whole = chooseDecoder(body, window)(scriptBytes)
      return whole.length === scriptBytes ? whole : null
    }
    const whole = chooseDecoder(packed, window)(scriptBytes + 4)
    return whole.length === scriptBytes + 4 && whole.readUInt32LE(0) === scriptBytes
      ? whole.subarray(4)
      : null
  } catch {
    return null
  }
}
