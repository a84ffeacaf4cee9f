/**
 * LZX as cabinets use it ("LZX DELTA Compression and Decompression", [MS-PATCH] without its deltas; [MS-CAB] names the window).
 * Decodes at most what is wanted.
 */

/** The data are damaged or cut off. */
export class LzxError extends Error {}

const FRAME_BYTES = 32 * 1024
const [VERBATIM, ALIGNED, STORED] = [1, 2, 3]
const LITERALS = 256
const LENGTHS = 249
const CODE_LIMIT = 16
/** By the size of the window, from 2^15 on. */
const SLOTS = [30, 32, 34, 36, 38, 42, 50]
const TRANSLATED_FRAMES = 32_768

const extraBits = (slot: number): number => (slot < 4 ? 0 : Math.min(17, (slot >> 1) - 1))
const BASES = Array.from({ length: 51 }, () => 0)
for (let slot = 1; slot < BASES.length; slot++)
  BASES[slot] = BASES[slot - 1]! + 2 ** extraBits(slot - 1)

/** Words of 16 bits, the highest bit first. */
function createBits(input: Uint8Array) {
  let at = 0
  let held = 0
  let count = 0
  function bits(wanted: number): number {
    let value = 0
    for (let left = wanted; left > 0;) {
      if (count === 0) {
        if (at + 2 > input.length) throw new LzxError('cut off')
        held = input[at]! | (input[at + 1]! << 8)
        at += 2
        count = 16
      }
      const taken = Math.min(left, count)
      count -= taken
      left -= taken
      value = value * 2 ** taken + ((held >>> count) & (2 ** taken - 1))
    }
    return value
  }
  return {
    bits,
    /** Skips to the next word. */
    align: () => void (count = 0),
    /** Skips to the next word, or over a whole one. */
    alignOver(): void {
      if (count === 0) bits(16)
      count = 0
    },
    bytes(length: number): Uint8Array {
      if (at + length > input.length) throw new LzxError('cut off')
      at += length
      return input.subarray(at - length, at)
    },
  }
}
type Bits = ReturnType<typeof createBits>
type Code = { count: Uint16Array; symbols: Uint16Array }

/** A canonical Huffman code; without symbols it must not be used. */
function codeOf(lengths: Uint8Array): Code {
  const count = new Uint16Array(CODE_LIMIT + 1)
  for (const length of lengths) count[length]!++
  count[0] = 0
  const next = new Uint16Array(CODE_LIMIT + 2)
  for (let length = 1; length <= CODE_LIMIT; length++)
    next[length + 1] = next[length]! + count[length]!
  const symbols = new Uint16Array(lengths.length)
  for (const [symbol, length] of lengths.entries())
    if (length > 0) symbols[next[length]!++] = symbol
  return { count, symbols }
}
function symbolOf({ bits }: Bits, { count, symbols }: Code): number {
  let [code, first, index] = [0, 0, 0]
  for (let length = 1; length <= CODE_LIMIT; length++) {
    code = code * 2 + bits(1)
    const here = count[length]!
    if (code - first < here) return symbols[index + code - first]!
    index += here
    first = (first + here) * 2
  }
  throw new LzxError('damaged')
}

/** Lengths of codes are stored as their difference to those of the block before. */
function readLengths(input: Bits, lengths: Uint8Array, from: number, to: number): void {
  const code = codeOf(Uint8Array.from({ length: 20 }, () => input.bits(4)))
  const changed = (symbol: number, at: number): number => (17 + lengths[at]! - symbol) % 17
  for (let at = from; at < to;) {
    const symbol = symbolOf(input, code)
    if (symbol <= 16) {
      lengths[at] = changed(symbol, at)
      at++
      continue
    }
    const run =
      symbol === 17 ? 4 + input.bits(4) : symbol === 18 ? 20 + input.bits(5) : 4 + input.bits(1)
    const repeated = symbol === 19 ? symbolOf(input, code) : null
    if (at + run > to || (repeated !== null && repeated > 16)) throw new LzxError('damaged')
    lengths.fill(repeated === null ? 0 : changed(repeated, at), at, at + run)
    at += run
  }
}

/** Undoes the change of call targets in one frame, in place. */
function translate(frame: Buffer, frameAt: number, fileBytes: number): void {
  for (let i = 0; i + 10 < frame.length; i++) {
    if (frame[i] !== 0xe8) continue
    const place = frameAt + i
    const target = frame.readInt32LE(i + 1)
    if (target >= -place && target < fileBytes)
      frame.writeInt32LE(target >= 0 ? target - place : target + fileBytes, i + 1)
    i += 4
  }
}

/**
 * @param windowBits the logarithm of the window's size, 15 to 21
 * @param wholeBytes how many bytes the data unpack to, of which the first `limitBytes` are wanted
 * @throws LzxError
 */
export function unpackLzx(
  packed: Uint8Array,
  windowBits: number,
  {
    wholeBytes,
    limitBytes,
    leftMs,
  }: { wholeBytes: number; limitBytes: number; leftMs: () => number },
): Buffer {
  const slots = SLOTS[windowBits - 15]
  if (slots === undefined) throw new LzxError('unknown window')
  const input = createBits(packed)
  const { bits } = input
  const fileBytes = bits(1) === 1 ? bits(16) * 65_536 + bits(16) : 0
  const wanted = Math.min(wholeBytes, Math.ceil(limitBytes / FRAME_BYTES) * FRAME_BYTES)
  const out = Buffer.alloc(wanted)
  const mainLengths = new Uint8Array(LITERALS + 8 * slots)
  const lengthLengths = new Uint8Array(LENGTHS)
  let main = codeOf(mainLengths)
  let lengths = codeOf(lengthLengths)
  let aligned = codeOf(new Uint8Array(8))
  let [kind, left, stored] = [0, 0, 0]
  let [r0, r1, r2] = [1, 1, 1]
  let done = 0

  function startBlock(): void {
    if (kind === STORED && stored % 2 === 1) input.bytes(1)
    kind = bits(3)
    left = bits(16) * 256 + bits(8)
    if (left === 0) throw new LzxError('damaged')
    if (kind === STORED) {
      stored = left
      input.alignOver()
      const repeats = Buffer.from(input.bytes(12))
      ;[r0, r1, r2] = [0, 4, 8].map((at) => repeats.readUInt32LE(at)) as [number, number, number]
      return
    }
    if (kind !== VERBATIM && kind !== ALIGNED) throw new LzxError('damaged')
    if (kind === ALIGNED) aligned = codeOf(Uint8Array.from({ length: 8 }, () => bits(3)))
    readLengths(input, mainLengths, 0, LITERALS)
    readLengths(input, mainLengths, LITERALS, mainLengths.length)
    readLengths(input, lengthLengths, 0, LENGTHS)
    main = codeOf(mainLengths)
    lengths = codeOf(lengthLengths)
  }
  function distanceOf(slot: number): number {
    if (slot === 0) return r0
    if (slot === 1) [r0, r1] = [r1, r0]
    else if (slot === 2) [r0, r2] = [r2, r0]
    else {
      const extra = extraBits(slot)
      const more =
        kind === ALIGNED && extra >= 3
          ? bits(extra - 3) * 8 + symbolOf(input, aligned)
          : bits(extra)
      ;[r0, r1, r2] = [BASES[slot]! - 2 + more, r0, r1]
    }
    return r0
  }
  /** @returns how many bytes it made */
  function step(): number {
    const symbol = symbolOf(input, main)
    if (symbol < LITERALS) {
      out[done++] = symbol
      return 1
    }
    const head = (symbol - LITERALS) & 7
    const length = 2 + (head === 7 ? 7 + symbolOf(input, lengths) : head)
    const distance = distanceOf((symbol - LITERALS) >> 3)
    if (distance > done || distance < 1) throw new LzxError('damaged')
    const end = Math.min(wanted, done + length)
    for (; done < end; done++) out[done] = out[done - distance]!
    return length
  }

  for (let frame = 0; done < wanted; frame++) {
    if (leftMs() === 0) throw new LzxError('no time is left')
    const frameEnd = Math.min(wanted, (frame + 1) * FRAME_BYTES)
    while (done < frameEnd) {
      if (left <= 0) startBlock()
      if (kind === STORED) {
        const count = Math.min(left, frameEnd - done)
        out.set(input.bytes(count), done)
        done += count
        left -= count
      } else left -= step()
    }
    if (kind !== STORED) input.align()
  }
  if (fileBytes > 0)
    for (let at = 0; at < wanted && at < TRANSLATED_FRAMES * FRAME_BYTES; at += FRAME_BYTES)
      translate(out.subarray(at, Math.min(wanted, at + FRAME_BYTES)), at, fileBytes)
  return out.subarray(0, Math.min(wanted, limitBytes))
}
