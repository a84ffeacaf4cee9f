/** Single files of a zip archive inside another file (APPNOTE.TXT). Archives that are uploaded themselves: ../archive.ts. */
import { Inflate } from 'fflate'
import type { Window } from '../window.ts'

const END_BYTES = 22
const COMMENT_BYTES = 64 * 1024
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
const ENTRY_LIMIT = 20_000
const DIRECTORY_LIMIT_BYTES = 8 * 1024 * 1024
const STORED = 0
const DEFLATED = 8
const PACKED_STEP_BYTES = 64 * 1024

export type ZipEntry = {
  name: string
  sizeBytes: number
  /** The whole file, if it is no larger than this. Null: it is, or it is damaged. */
  unpack: (limitBytes: number) => Buffer | null
  /** Its first bytes, at most this many. Null: damaged. */
  start: (bytes: number) => Buffer | null
  /** Where its bytes are, if they are stored as they are. */
  stored: () => { at: number; sizeBytes: number } | null
}

/** Null: no archive. @throws AppError E_PACKAGE_LIMIT */
export function listZip(window: Window): ZipEntry[] | null {
  const from = Math.max(0, window.sizeBytes - END_BYTES - COMMENT_BYTES)
  const tail = window.read(from, END_BYTES + COMMENT_BYTES)
  const endAt = tail.lastIndexOf(Buffer.from('504b0506', 'hex'))
  if (endAt < 0 || endAt + END_BYTES > tail.length) return null
  const directoryBytes = tail.readUInt32LE(endAt + 12)
  const directoryAt = tail.readUInt32LE(endAt + 16)
  // What stands before the archive is not counted in its positions.
  const shift = from + endAt - directoryBytes - directoryAt
  if (directoryBytes > DIRECTORY_LIMIT_BYTES || shift < 0) return null
  const directory = window.read(directoryAt + shift, directoryBytes)
  const entries: ZipEntry[] = []
  for (let at = 0; at + ENTRY_BYTES <= directory.length && entries.length < ENTRY_LIMIT;) {
    if (directory.readUInt32LE(at) !== 0x02014b50) break
    const nameBytes = directory.readUInt16LE(at + 28)
    const next = at + ENTRY_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32) // prettier-ignore
    entries.push(entryOf(window, shift, directory.subarray(at, next), nameBytes))
    at = next
  }
  return entries
}

function entryOf(window: Window, shift: number, head: Buffer, nameBytes: number): ZipEntry {
  const method = head.readUInt16LE(10)
  const packedBytes = head.readUInt32LE(20)
  const sizeBytes = head.readUInt32LE(24)
  const localAt = head.readUInt32LE(42) + shift

  function place(): { at: number; sizeBytes: number } | null {
    const local = window.read(localAt, LOCAL_BYTES)
    if (local.length < LOCAL_BYTES || local.readUInt32LE(0) !== 0x04034b50) return null
    const at = localAt + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28)
    return at + packedBytes > window.sizeBytes ? null : { at, sizeBytes: packedBytes }
  }
  function start(bytes: number): Buffer | null {
    const found = place()
    const wanted = Math.min(bytes, sizeBytes)
    if (!found) return null
    if (method === STORED) return window.read(found.at, Math.min(wanted, packedBytes))
    if (method !== DEFLATED) return null
    window.spend(wanted)
    const out = Buffer.alloc(wanted)
    let done = 0
    const stream = new Inflate((piece) => {
      out.set(piece.subarray(0, wanted - done), done)
      done += Math.min(piece.length, wanted - done)
    })
    try {
      for (let at = 0; at < packedBytes && done < wanted; at += PACKED_STEP_BYTES)
        stream.push(window.read(found.at + at, Math.min(PACKED_STEP_BYTES, packedBytes - at)))
    } catch {
      return null
    }
    return out.subarray(0, done)
  }
  return {
    name: head.toString('utf8', ENTRY_BYTES, ENTRY_BYTES + nameBytes),
    sizeBytes,
    start,
    unpack: (limitBytes) => {
      const whole = sizeBytes > limitBytes ? null : start(sizeBytes)
      return whole?.length === sizeBytes ? whole : null
    },
    stored: () => (method === STORED ? place() : null),
  }
}
