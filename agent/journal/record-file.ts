/**
 * An append-only file of JSON records, one per line with its checksum. A record that was cut off by a power
 * cut is removed at the next start; damage anywhere else is reported, never silently skipped.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { errorCode, syncFolder, writeDurably } from '../lib/atomic-file.ts'

export type RecordFile = {
  /** The record is on disk when this returns. Throws file system errors; then none of it is in the file. */
  append: (record: unknown) => void
  /** Replaces all records with these. */
  rewrite: (records: readonly unknown[]) => void
  sizeBytes: () => number
  close: () => void
}

const toLine = (record: unknown): string => {
  const json = JSON.stringify(record)
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`
}

/** The record in a line, or undefined if it does not match its checksum. */
function parseLine(line: string): unknown {
  const json = line.slice(9)
  if (line[8] !== ' ' || crc32(json).toString(16).padStart(8, '0') !== line.slice(0, 8))
    return undefined
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

export type Reading = {
  records: unknown[]
  /** Bytes up to the end of the last good record. */
  goodBytes: number
  /** Unreadable records beyond a last one that a power cut truncated: their content is lost. */
  damaged: boolean
  sizeBytes: number
}

/** Reads the file without changing it. A missing file has no records. */
export function readRecords(file: string): Reading {
  let content: Buffer
  try {
    content = readFileSync(file)
  } catch (error) {
    if (errorCode(error) === 'ENOENT')
      return { records: [], goodBytes: 0, damaged: false, sizeBytes: 0 }
    throw error
  }
  const records: unknown[] = []
  let goodBytes = 0
  let badLines = 0
  let damaged = false
  for (let at = 0; at < content.length;) {
    const end = content.indexOf(10, at)
    const next = end < 0 ? content.length : end + 1
    const record = end < 0 ? undefined : parseLine(content.toString('utf8', at, end))
    if (record === undefined) badLines++
    else {
      records.push(record)
      goodBytes = next
      damaged ||= badLines > 0
      badLines = 0
    }
    at = next
  }
  return { records, goodBytes, damaged: damaged || badLines > 1, sizeBytes: content.length }
}

/** Creates a file with these records, unless it exists: the file is never visible while empty. */
export function createRecordFile(file: string, records: readonly unknown[]): void {
  if (!existsSync(file)) writeDurably(file, records.map(toLine).join(''))
}

/** Not in append mode: Windows cannot truncate a file opened that way. Every write passes its position. */
function openOrMake(file: string): number {
  try {
    return openSync(file, 'r+')
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return openSync(file, 'wx+', 0o600)
  }
}

/** @param isDurable false: records survive the end of this process, but not a power cut */
export function openRecordFile(
  file: string,
  isDurable = true,
): { file: RecordFile; reading: Reading } {
  const reading = readRecords(file)
  let fd = openOrMake(file)
  let size = reading.goodBytes
  ftruncateSync(fd, size)
  if (isDurable) {
    fsyncSync(fd)
    syncFolder(dirname(file))
  }
  return {
    reading,
    file: {
      append(record) {
        const line = Buffer.from(toLine(record))
        try {
          for (let done = 0; done < line.length;)
            done += writeSync(fd, line, done, line.length - done, size + done)
          if (isDurable) fsyncSync(fd)
        } catch (error) {
          // Half a line would corrupt the next one.
          ftruncateSync(fd, size)
          throw error
        }
        size += line.length
      },
      rewrite(records) {
        const content = records.map(toLine).join('')
        // Windows cannot replace a file that is open.
        closeSync(fd)
        try {
          writeDurably(file, content)
          size = Buffer.byteLength(content)
        } finally {
          fd = openOrMake(file)
        }
      },
      sizeBytes: () => size,
      close: () => closeSync(fd),
    },
  }
}
