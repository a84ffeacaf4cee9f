/** A stretch of a file as a file of its own. Its bytes count against the same limits. */
import type { Window } from './window.ts'

/** @param head replaces the first bytes, where they are stored in another way */
export function partOf(
  window: Window,
  place: { at: number; sizeBytes: number },
  head: Buffer = Buffer.alloc(0),
): Window {
  const { at, sizeBytes } = place
  function fill(target: Buffer, position: number): number {
    if (!Number.isSafeInteger(position) || position < 0 || position >= sizeBytes) return 0
    const length = Math.min(target.length, sizeBytes - position)
    const inHead = Math.max(0, Math.min(length, head.length - position))
    const rest = length - inHead
    const done =
      rest === 0
        ? inHead
        : inHead + window.fill(target.subarray(inHead, length), at + position + inHead)
    if (position < head.length) head.copy(target, 0, position, position + inHead)
    return done
  }
  return {
    ...window,
    sizeBytes,
    fill,
    read(position, length) {
      const there = Math.max(0, Math.min(length, sizeBytes - position))
      if (!(there > 0)) return Buffer.alloc(0)
      window.spend(there)
      const buffer = Buffer.allocUnsafeSlow(there)
      return buffer.subarray(0, fill(buffer, position))
    },
  }
}

/** Unpacked bytes as a file of their own. */
export const windowOn = (window: Window, bytes: Buffer): Window =>
  partOf(window, { at: 0, sizeBytes: bytes.length }, bytes)
