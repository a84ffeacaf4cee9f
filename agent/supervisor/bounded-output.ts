/**
 * An output file of limited size, however much is written: the first half of the limit as it arrives, and the
 * last half of the rest, which is kept in memory and written once a second.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { OUTPUT_HALF_BYTES } from './output-limit.ts'

const FLUSH_EVERY_MS = 1_000

export type BoundedOutput = {
  /** Never throws: bytes that cannot be written count as left out. */
  write: (bytes: Buffer) => void
  /** Writes the buffered end. Returns the number of bytes left out. */
  close: () => number
}

/** Opens or continues the file (0600). @throws file system errors */
export function openBoundedOutput(file: string, halfBytes = OUTPUT_HALF_BYTES): BoundedOutput {
  // Created first, then opened without append mode, because every write passes its position.
  closeSync(openSync(file, 'a', 0o600))
  const fd = openSync(file, 'r+')
  const { size } = fstatSync(fd)
  let head = Math.min(size, halfBytes)
  /** A ring buffer, created when it is first needed. */
  let ring: Buffer | null = null
  let start = 0
  let length = 0
  let omitted = 0
  let isDirty = false

  function keep(bytes: Buffer): void {
    ring ??= Buffer.alloc(halfBytes)
    const last = bytes.subarray(Math.max(0, bytes.length - halfBytes))
    const at = (start + length) % halfBytes
    const first = Math.min(last.length, halfBytes - at)
    last.copy(ring, at, 0, first)
    last.copy(ring, 0, first)
    const overflow = Math.max(0, length + last.length - halfBytes)
    start = (start + overflow) % halfBytes
    length = length + last.length - overflow
    omitted += overflow + bytes.length - last.length
    isDirty = true
  }
  function put(bytes: Buffer, at: number): number {
    for (let done = 0; done < bytes.length;)
      try {
        done += writeSync(fd, bytes, done, bytes.length - done, at + done)
      } catch {
        return done
      }
    return bytes.length
  }
  function flush(): void {
    if (!isDirty || ring === null) return
    const first = ring.subarray(start, Math.min(start + length, halfBytes))
    const second = ring.subarray(0, length - first.length)
    if (put(first, head) === first.length && put(second, head + first.length) === second.length)
      isDirty = false
  }
  // Content that another supervisor, or the agent, had written when it was killed.
  if (size > halfBytes) {
    const rest = Buffer.alloc(Math.min(size - halfBytes, halfBytes))
    readSync(fd, rest, 0, rest.length, size - rest.length)
    keep(rest)
  }
  const flushing = setInterval(flush, FLUSH_EVERY_MS)
  flushing.unref()

  return {
    write(bytes) {
      const room = length > 0 ? 0 : halfBytes - head
      const toHead = bytes.subarray(0, room)
      const written = put(toHead, head)
      head += written
      omitted += toHead.length - written
      if (bytes.length > room) keep(bytes.subarray(room))
    },
    close() {
      clearInterval(flushing)
      flush()
      try {
        if (head > 0) fsyncSync(fd)
      } catch {
        // A full disk: the output may be incomplete, but its end is still reported.
      }
      closeSync(fd)
      return omitted
    },
  }
}
