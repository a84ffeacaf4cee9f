/** Windows, and where there are no named pipes: the installer writes into the file itself, which is cut when it grew too large. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { OUTPUT_HALF_BYTES } from './output-limit.ts'

const TRIM_CHECK_MS = 250
/** An installer that writes without end must not fill the disk. */
const OUTPUT_FILE_LIMIT_BYTES = 4 * 1024 * 1024

function readAt(fd: number, from: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, from))
}

/**
 * Keeps the first and the last part of an output that grew too large. Returns the bytes dropped.
 * @param fd open for reading and writing, not in append mode: Windows shortens no file that was opened so
 */
export function trimOutput(
  fd: number,
  limitBytes: number = OUTPUT_FILE_LIMIT_BYTES,
  halfBytes: number = OUTPUT_HALF_BYTES,
): number {
  const { size } = fstatSync(fd)
  if (size <= limitBytes) return 0
  const tail = readAt(fd, size - halfBytes, halfBytes)
  ftruncateSync(fd, halfBytes)
  writeSync(fd, tail, 0, tail.length, halfBytes)
  return size - halfBytes - tail.length
}

/** @returns the end to give to the installer; `finish` returns the bytes dropped */
export function openFileOutput(file: string): { fd: number; finish: () => number } {
  const fd = openSync(file, 'a', 0o600)
  const trimFd = openSync(file, 'r+')
  let omitted = 0
  const trim = (): void => {
    try {
      omitted += trimOutput(trimFd)
    } catch {
      // Tried again in a moment; nothing else may suffer from it.
    }
  }
  const trimming = setInterval(trim, TRIM_CHECK_MS)
  return {
    fd,
    finish() {
      clearInterval(trimming)
      trim()
      try {
        fsyncSync(fd)
      } catch {
        // A full disk: the output may be incomplete, its end is told all the same.
      }
      closeSync(fd)
      closeSync(trimFd)
      return omitted
    },
  }
}
