/**
 * A file as readers see it: random access, and a limit on what they may allocate. The bytes that they read and unpack are
 * buffers, which the heap limit of their thread does not cover.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { beyondLimit } from '../facts.ts'

const MIB = 1024 * 1024
/** Well below the time limit of the thread (../limits.ts), so that a reader can return what it has. */
const OPTIONAL_WORK_MS = 3_000

export type Window = {
  readonly path: string
  readonly sizeBytes: number
  /** Up to `length` bytes at `position`; fewer at the end of the file. @throws AppError E_PACKAGE_LIMIT */
  read: (position: number, length: number) => Buffer
  /** Fills `target` from `position`. @returns the number of bytes read */
  fill: (target: Buffer, position: number) => number
  /** Counts bytes that a reader allocates itself, for example to unpack. @throws AppError E_PACKAGE_LIMIT */
  spend: (bytes: number) => void
  /** Reports bytes that were streamed, packed or unpacked. The time limit restarts after every `progressMiB` (../limits.ts). */
  progressed: (bytes: number) => void
  /** Milliseconds left for optional work. After that, the time limit may end the thread before it returns any result. */
  leftMs: () => number
  /** MiB counted so far. */
  usedMiB: () => number
  close: () => void
}

/** @throws Error on the main thread: untrusted files are read in the inspection worker only */
export function openWindow(options: {
  path: string
  budgetMiB: number
  /** Called with the total of the bytes that were reported. */
  progressed?: (totalBytes: number) => void
  /** Tests only. */
  optionalMs?: number
}): Window {
  if (isMainThread) throw new Error('untrusted files are read in the inspection worker only')
  const fd = openSync(options.path, 'r')
  const sizeBytes = fstatSync(fd).size
  let left = options.budgetMiB * MIB
  let streamed = 0
  const untilMs = performance.now() + (options.optionalMs ?? OPTIONAL_WORK_MS)

  function spend(bytes: number): void {
    if (!(bytes <= left)) throw beyondLimit(`${options.budgetMiB} MiB of memory`)
    left -= bytes
  }
  function fill(target: Buffer, position: number): number {
    if (!Number.isSafeInteger(position) || position < 0) return 0
    let done = 0
    while (done < target.length) {
      const read = readSync(fd, target, done, target.length - done, position + done)
      if (read === 0) break
      done += read
    }
    return done
  }
  return {
    path: options.path,
    sizeBytes,
    fill,
    spend,
    read(position, length) {
      const available = Math.max(0, Math.min(length, sizeBytes - position))
      if (!(available > 0)) return Buffer.alloc(0)
      spend(available)
      const buffer = Buffer.allocUnsafeSlow(available)
      return buffer.subarray(0, fill(buffer, position))
    },
    progressed(bytes) {
      streamed += bytes
      options.progressed?.(streamed)
    },
    leftMs: () => Math.max(0, untilMs - performance.now()),
    usedMiB: () => options.budgetMiB - left / MIB,
    close: () => closeSync(fd),
  }
}
