/**
 * LZX for tests: blocks of each kind, with a code of fixed lengths and only a few forms of matches. `cabextract` 1.9 unpacks what it
 * makes.
 */
const MAIN = 256 + 8 * 30
const LENGTHS = 249
/** Repeats of the last distance, and two ranges of distances; all with a length of their own. */
const [REPEAT, NEAR, FAR] = [256 + 7, 256 + 8 * 8 + 7, 256 + 8 * 12 + 7]
const [MATCH_MIN, MATCH_MAX] = [9, 257]
/** The distances that are tried, besides the last one. */
const DISTANCES = [14, 15, 16, 17, 18, 19, 20, 21, 62, 70, 93]

function createWriter() {
  const words: number[] = []
  let held = 0
  let count = 0
  function bit(value: number): void {
    held = (held << 1) | value
    if (++count < 16) return
    words.push(held)
    ;[held, count] = [0, 0]
  }
  return {
    bits(value: number, width: number): void {
      for (let i = width - 1; i >= 0; i--) bit(Math.floor(value / 2 ** i) % 2)
    },
    align(over = false): void {
      if (over && count === 0) for (let i = 0; i < 16; i++) bit(0)
      while (count > 0) bit(0)
    },
    bytes(bytes: Buffer): void {
      for (let at = 0; at < bytes.length; at += 2)
        words.push(bytes[at]! | ((bytes[at + 1] ?? 0) << 8))
    },
    take(): Buffer {
      const bytes = Buffer.alloc(2 * words.length)
      for (const [i, word] of words.splice(0).entries()) bytes.writeUInt16LE(word, 2 * i)
      return bytes
    },
  }
}
type Writer = ReturnType<typeof createWriter>

function codesOf(lengths: readonly number[]): number[] {
  const codes = lengths.map(() => 0)
  let code = 0
  for (let length = 1; length <= 16; length++) {
    for (const [symbol, of] of lengths.entries()) if (of === length) codes[symbol] = code++
    code *= 2
  }
  return codes
}
const mainLengths = Array.from({ length: MAIN }, (_none, symbol) =>
  symbol < 256 ? 9 : symbol === REPEAT ? 1 + 1 : [NEAR, FAR].includes(symbol) ? 3 : 0,
)
const lengthLengths = Array.from({ length: LENGTHS }, (_none, symbol) => (symbol < 7 ? 7 : 8))
const preLengths = Array.from({ length: 20 }, (_none, symbol) => (symbol < 12 ? 4 : 5))
const mainCodes = codesOf(mainLengths)
const lengthCodes = codesOf(lengthLengths)
const preCodes = codesOf(preLengths)

function writeLengths(out: Writer, before: readonly number[], lengths: readonly number[]): void {
  for (const length of preLengths) out.bits(length, 4)
  for (const [i, length] of lengths.entries()) {
    const symbol = (17 + before[i]! - length) % 17
    out.bits(preCodes[symbol]!, preLengths[symbol]!)
  }
}

/** One frame of at most 32 KiB as one block each. */
export function lzxPacker() {
  const out = createWriter()
  let isFirst = true
  let before = { main: mainLengths.map(() => 0), length: lengthLengths.map(() => 0) }
  let whole = Buffer.alloc(0)
  let last = 1
  let frames = 0

  function writeMatches(from: number, isAligned: boolean): void {
    for (let at = from; at < whole.length;) {
      const lengthAt = (distance: number): number => {
        if (distance > at) return 0
        const limit = Math.min(MATCH_MAX, whole.length - at)
        let length = 0
        while (length < limit && whole[at + length] === whole[at + length - distance]) length++
        return length
      }
      const found = [last, ...DISTANCES].find((one) => lengthAt(one) >= MATCH_MIN)
      if (found === undefined) {
        out.bits(mainCodes[whole[at]!]!, 9)
        at++
        continue
      }
      const symbol = found === last ? REPEAT : found <= 21 ? NEAR : FAR
      out.bits(mainCodes[symbol]!, mainLengths[symbol]!)
      const length = lengthAt(found)
      out.bits(lengthCodes[length - MATCH_MIN]!, lengthLengths[length - MATCH_MIN]!)
      const [base, extra] = symbol === NEAR ? [16, 3] : [64, 5]
      const more = found + 2 - base
      if (symbol !== REPEAT && isAligned) {
        out.bits(more >> 3, extra - 3)
        out.bits(more & 7, 3)
      } else if (symbol !== REPEAT) out.bits(more, extra)
      last = found
      at += length
    }
  }

  return (frame: Buffer): Buffer => {
    const from = whole.length
    whole = Buffer.concat([whole, frame])
    if (isFirst) out.bits(0, 1)
    isFirst = false
    const kind = [1, 2, 3][frames++ % 3]!
    out.bits(kind, 3)
    out.bits(frame.length, 24)
    if (kind === 3) {
      out.align(true)
      const repeats = Buffer.alloc(12, 0)
      for (const at of [0, 4, 8]) repeats.writeUInt32LE(1, at)
      last = 1
      out.bytes(repeats)
      out.bytes(frame)
      return out.take()
    }
    if (kind === 2) for (let i = 0; i < 8; i++) out.bits(3, 3)
    writeLengths(out, before.main.slice(0, 256), mainLengths.slice(0, 256))
    writeLengths(out, before.main.slice(256), mainLengths.slice(256))
    writeLengths(out, before.length, lengthLengths)
    before = { main: mainLengths, length: lengthLengths }
    writeMatches(from, kind === 2)
    out.align()
    return out.take()
  }
}

/** For `makeCabinet`: a window of 32 KiB. */
export const LZX = () => ({ method: 3 | (15 << 8), pack: lzxPacker() })
