/** Disk images of macOS: a trailer `koly` that lists compressed blocks, or the disk as it is (newosxbook.com/DMG.html). */
import { inflateSync } from 'node:zlib'
import { unreadable } from '../../facts.ts'
import type { Window } from '../window.ts'
import { elementsOf, parseXml } from '../xml.ts'
import { Unsupported, type Disk } from './volume.ts'

export const TRAILER_BYTES = 512
const SECTOR = 512
const XML_LIMIT_BYTES = 16 * 1024 * 1024
const RUN_LIMIT = 200_000
const RUN_BYTES = 40
const MISH_HEAD_BYTES = 204
/** Apple's tools write runs of 256 KiB to 1 MiB. */
const UNPACKED_LIMIT_BYTES = 8 * 1024 * 1024

const ZERO = 0
const RAW = 1
const IGNORED = 2
const ZLIB = 0x80000005
const OTHERS: Readonly<Record<number, string>> = {
  0x80000004: 'ADC',
  0x80000006: 'bzip2',
  0x80000007: 'LZFSE',
  0x80000008: 'LZMA',
}

type Run = { type: number; from: number; bytes: number; at: number; packedBytes: number }

/** @throws AppError E_PACKAGE_UNREADABLE when the image is cut off or damaged. Null: there is no trailer */
export function readTrailer(window: Window) {
  const from = Math.max(0, window.sizeBytes - TRAILER_BYTES)
  const koly = window.read(from, TRAILER_BYTES)
  if (koly.length < TRAILER_BYTES || koly.toString('latin1', 0, 4) !== 'koly') return null
  const field = (at: number): number => Number(koly.readBigUInt64BE(at))
  const trailer = {
    dataAt: field(24),
    dataBytes: field(32),
    xmlAt: field(216),
    xmlBytes: field(224),
  }
  const { dataAt, dataBytes, xmlAt, xmlBytes } = trailer
  if (
    koly.readUInt32BE(8) !== TRAILER_BYTES ||
    dataAt + dataBytes > from ||
    xmlAt + xmlBytes > from
  )
    throw unreadable('its trailer is damaged, or a part of it is missing')
  return trailer
}

function runsOf(table: Buffer, dataAt: number): Run[] {
  if (table.length < MISH_HEAD_BYTES || table.toString('latin1', 0, 4) !== 'mish')
    throw unreadable('its list of blocks is damaged')
  const field = (at: number): number => Number(table.readBigUInt64BE(at))
  const firstSector = field(8)
  const count = Math.min(
    table.readUInt32BE(200),
    Math.floor((table.length - MISH_HEAD_BYTES) / RUN_BYTES),
  )
  return Array.from({ length: count }, (_, i) => {
    const at = MISH_HEAD_BYTES + i * RUN_BYTES
    return {
      type: table.readUInt32BE(at),
      from: (firstSector + field(at + 8)) * SECTOR,
      bytes: field(at + 16) * SECTOR,
      at: dataAt + field(24) + field(at + 24),
      packedBytes: field(at + 32),
    }
  }).filter(({ type, bytes }) => bytes > 0 && (type <= IGNORED || type === ZLIB || type in OTHERS))
}

/** The disk in the image. @throws AppError E_PACKAGE_UNREADABLE, E_PACKAGE_LIMIT */
export function openDisk(window: Window): Disk {
  const trailer = readTrailer(window)
  const plain: Disk = { sizeBytes: window.sizeBytes, read: window.read }
  if (!trailer) return plain
  const { dataAt, dataBytes, xmlAt, xmlBytes } = trailer
  if (xmlBytes > XML_LIMIT_BYTES) throw unreadable('its list of blocks is larger than is read')
  const xml = parseXml(window.read(xmlAt, xmlBytes).toString('utf8'))
  const runs = elementsOf(xml, 'data')
    .map(({ text }) => Buffer.from(text, 'base64'))
    .filter((bytes) => bytes.toString('latin1', 0, 4) === 'mish')
    .flatMap((bytes) => runsOf(bytes, dataAt))
    .sort((a, b) => a.from - b.from)
  if (runs.length === 0)
    return {
      sizeBytes: dataBytes,
      read: (position, length) =>
        window.read(dataAt + position, Math.min(length, Math.max(0, dataBytes - position))),
    }
  if (runs.length > RUN_LIMIT) throw unreadable('its list of blocks is larger than is read')
  for (const { type, at, bytes, packedBytes } of runs) {
    const stored = type === RAW ? Math.max(bytes, packedBytes) : type === ZLIB ? packedBytes : 0
    if (at + stored > window.sizeBytes) throw unreadable('it is cut off: a block of it is missing')
  }

  let unpacked: { run: Run; bytes: Buffer } | null = null
  function unpack(run: Run): Buffer {
    if (unpacked?.run === run) return unpacked.bytes
    if (run.bytes > UNPACKED_LIMIT_BYTES || run.packedBytes > UNPACKED_LIMIT_BYTES)
      throw unreadable('a block in it is larger than any real one')
    window.spend(run.bytes)
    try {
      const packed = window.read(run.at, run.packedBytes)
      unpacked = { run, bytes: inflateSync(packed, { maxOutputLength: run.bytes }) }
    } catch (error) {
      throw unreadable('a block in it is damaged', error)
    }
    return unpacked.bytes
  }
  /** A part of a run; shorter where it ends. */
  function part(run: Run, offset: number, length: number): Buffer {
    const wanted = Math.min(length, run.bytes - offset)
    if (run.type === RAW) return window.read(run.at + offset, wanted)
    if (run.type === ZERO || run.type === IGNORED) {
      window.spend(wanted)
      return Buffer.alloc(wanted)
    }
    if (run.type !== ZLIB) throw new Unsupported(`its blocks are packed with ${OTHERS[run.type]}`)
    return unpack(run).subarray(offset, offset + wanted)
  }
  /** The run that holds this position. */
  function runAt(position: number): Run | undefined {
    let [low, high] = [0, runs.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (runs[middle]!.from <= position) low = middle + 1
      else high = middle
    }
    const run = runs[low - 1]
    return run && position < run.from + run.bytes ? run : undefined
  }
  const last = runs.at(-1)!
  return {
    sizeBytes: last.from + last.bytes,
    read(position, length) {
      window.spend(length)
      const pieces: Buffer[] = []
      for (let at = position; at < position + length;) {
        const run = runAt(at)
        const piece = run ? part(run, at - run.from, position + length - at) : null
        if (!piece || piece.length === 0) break
        pieces.push(piece)
        at += piece.length
      }
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    },
  }
}
