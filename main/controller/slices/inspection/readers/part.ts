/** A range of a file as a file of its own. Its bytes count against the same limits. */
import type { Window } from './window.ts'

/** @param head the decoded first bytes, if the file stores them encoded */
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
      const available = Math.max(0, Math.min(length, sizeBytes - position))
      if (!(available > 0)) return Buffer.alloc(0)
      window.spend(available)
      const buffer = Buffer.allocUnsafeSlow(available)
      return buffer.subarray(0, fill(buffer, position))
    },
  }
}

/** Unpacked bytes as a file of their own. `window`: the file that they come from, whose limits apply. */
export const windowOn = (window: Window, bytes: Buffer): Window =>
  partOf(window, { at: 0, sizeBytes: bytes.length }, bytes)
