/** An installer's output in its file: bytes that are mostly, but not reliably, UTF-8. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { errorCode } from '../lib/atomic-file.ts'
import { consoleCodePage, decodeOutput, unfinishedBytes as unfinishedIn } from '../lib/decode.ts'

/** A piece of it as text. `before`: the bytes right before it in the file. */
export const outputText = (bytes: Uint8Array, before?: Uint8Array): string =>
  decodeOutput(bytes, consoleCodePage(), before)

/** How many bytes at the end are an incomplete character (0 to 3). */
export const unfinishedBytes = (bytes: Uint8Array): number => unfinishedIn(bytes, consoleCodePage())

/** How many bytes before a piece are examined. Even, because UTF-16 characters are. */
export const BEFORE_BYTES = 512

/** How many bytes at the start belong to a character that began before (0 to 3). */
export function leftoverBytes(bytes: Uint8Array): number {
  let n = 0
  while (n < Math.min(3, bytes.length) && (bytes[n]! & 0xc0) === 0x80) n++
  return n
}

function withFile<T>(file: string, work: (fd: number) => T, otherwise: T): T {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return otherwise
    throw error
  }
  try {
    return work(fd)
  } finally {
    closeSync(fd)
  }
}

export const sizeOf = (file: string): number => withFile(file, (fd) => fstatSync(fd).size, 0)

/** Bytes `from` to `to`, or as many of them as exist. */
export const readRange = (file: string, from: number, to: number): Buffer =>
  withFile(
    file,
    (fd) => {
      const buffer = Buffer.alloc(Math.max(0, to - from))
      return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, from))
    },
    Buffer.alloc(0),
  )

/** The last lines, up to this many bytes; the first one is complete unless it is longer than that. */
export function lastLines(file: string, maxBytes: number): string {
  const size = sizeOf(file)
  const bytes = readRange(file, Math.max(0, size - maxBytes), size)
  const text = outputText(bytes.subarray(size > maxBytes ? leftoverBytes(bytes) : 0))
  const firstBreak = text.indexOf('\n')
  const isCut = size > maxBytes && firstBreak >= 0 && firstBreak < text.length - 1
  return (isCut ? text.slice(firstBreak + 1) : text).trimEnd()
}
