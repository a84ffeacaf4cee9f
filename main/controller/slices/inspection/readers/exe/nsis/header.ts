/**
 * Where NSIS keeps its script, and how to unpack it (NSIS, Source/exehead/fileform.h and fileform.c). The first header stands at a
 * step of 512 bytes at or behind the end of the program.
 */
import { Inflate } from 'fflate'
import { unreadable } from '../../../facts.ts'
import { unpackLzma } from '../../packed/lzma.ts'
import type { Program } from '../program.ts'

const MAGIC = Buffer.from('\xef\xbe\xad\xdeNullsoftInst', 'latin1')
const FIRST_HEADER_BYTES = 28
const STEP_BYTES = 512
const SEARCH_BYTES = 512 * 1024
/** Real scripts have a few hundred KiB. */
const SCRIPT_LIMIT_BYTES = 8 * 1024 * 1024
const INFLATE_STEP_BYTES = 64 * 1024
const UNINSTALLER = 1
const SILENT = 2

export type FirstHeader = {
  at: number
  isUninstaller: boolean
  /** It never shows a window. */
  isSilent: boolean
  /** Unpacked size of the script. */
  scriptBytes: number
  /** Where all of its data end. */
  endAt: number
}

/** Null: not made with NSIS. @throws AppError E_PACKAGE_UNREADABLE when its data are cut off */
export function findFirstHeader({ window, overlay }: Program): FirstHeader | null {
  const bytes = window.read(overlay.at, Math.min(overlay.sizeBytes, SEARCH_BYTES))
  const first = (STEP_BYTES - (overlay.at % STEP_BYTES)) % STEP_BYTES
  const starts = first === 0 ? [] : [0]
  for (let at = first; at + FIRST_HEADER_BYTES <= bytes.length; at += STEP_BYTES) starts.push(at)
  const found = starts.find((at) => bytes.subarray(at + 4, at + 4 + MAGIC.length).equals(MAGIC))
  if (found === undefined || found + FIRST_HEADER_BYTES > bytes.length) return null
  const flags = bytes.readUInt32LE(found)
  const at = overlay.at + found
  const endAt = at + bytes.readUInt32LE(found + 24)
  const dataEnd = overlay.at + overlay.sizeBytes
  if (endAt > dataEnd)
    throw unreadable(
      `it is cut off: the data of this NSIS installer end at byte ${endAt}, the file at ${dataEnd}`,
    )
  return {
    at,
    isUninstaller: (flags & UNINSTALLER) !== 0,
    isSilent: (flags & SILENT) !== 0,
    scriptBytes: bytes.readUInt32LE(found + 20),
    endAt,
  }
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

/** The script. Null: packed in a way that is not read, or damaged. */
export function unpackScript({ window }: Program, header: FirstHeader): Buffer | null {
  const { scriptBytes } = header
  if (scriptBytes < 300 || scriptBytes > SCRIPT_LIMIT_BYTES) return null
  const from = header.at + FIRST_HEADER_BYTES
  // Nothing that matters is larger when packed than when unpacked, except by a few bytes.
  const packed = window.read(from, Math.min(header.endAt - from, scriptBytes + 64 * 1024))
  if (packed.length < 12) return null
  window.spend(2 * (scriptBytes + 4))
  const solid = (unpack: (wanted: number) => Buffer): Buffer | null => {
    const whole = unpack(scriptBytes + 4)
    return whole.length === scriptBytes + 4 && whole.readUInt32LE(0) === scriptBytes
      ? whole.subarray(4)
      : null
  }
  try {
    if (isLzma(packed, 0)) return solid((wanted) => unpackLzma(packed, wanted, window))
    if (packed.readUInt32LE(0) === scriptBytes) return packed.subarray(4, 4 + scriptBytes)
    if (packed[3] === 0x80) {
      const body = packed.subarray(4, 4 + packed.readUIntLE(0, 3))
      const whole = isLzma(body, 0)
        ? unpackLzma(body, scriptBytes, window)
        : isBzip2(body, 0)
          ? null
          : inflateStart(body, scriptBytes)
      return whole?.length === scriptBytes ? whole : null
    }
    return isBzip2(packed, 0) ? null : solid((wanted) => inflateStart(packed, wanted))
  } catch {
    return null
  }
}
