/**
 * LZMA without a container, as NSIS and Inno Setup use it (after the specification in the LZMA SDK, lzma-specification.7z, which
 * is in the public domain). Decodes at most `limitBytes`, which bounds the cost of a decompression bomb.
 */

/** The data are damaged or cut off. */
export class LzmaError extends Error {}
class CutOffError extends LzmaError {}

const PROPERTIES_BYTES = 5
const HALF = 1 << 10
const TOP = 2 ** 24
const LENGTH_PROBABILITIES = 2 + 2 * 16 * 8 + 256
const STATES = 12
const MATCH_MIN = 2
/** How often the time is looked at. */
const STEP_BYTES = 64 * 1024

/** The range decoder: bits with adaptive probabilities, and direct bits without. */
function createRangeDecoder(input: Uint8Array, start: number) {
  let at = start
  let range = 0xffffffff
  let code = 0

  function next(): number {
    if (at >= input.length) throw new CutOffError('cut off')
    return input[at++]!
  }
  if (next() !== 0) throw new LzmaError('damaged')
  for (let i = 0; i < 4; i++) code = ((code << 8) | next()) >>> 0

  function normalize(): void {
    if (range >= TOP) return
    range = (range << 8) >>> 0
    code = ((code << 8) | next()) >>> 0
  }
  function bit(probabilities: Uint16Array, index: number): 0 | 1 {
    const probability = probabilities[index]!
    const bound = (range >>> 11) * probability
    let result: 0 | 1
    if (code < bound) {
      probabilities[index] = probability + ((2048 - probability) >>> 5)
      range = bound
      result = 0
    } else {
      probabilities[index] = probability - (probability >>> 5)
      code -= bound
      range -= bound
      result = 1
    }
    normalize()
    return result
  }
  function direct(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) {
      range >>>= 1
      const isOne = code >= range
      if (isOne) code -= range
      normalize()
      value = value * 2 + (isOne ? 1 : 0)
    }
    return value
  }
  function tree(probabilities: Uint16Array, from: number, bits: number): number {
    let symbol = 1
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | bit(probabilities, from + symbol)
    return symbol - (1 << bits)
  }
  function reverseTree(probabilities: Uint16Array, from: number, bits: number): number {
    let symbol = 1
    let value = 0
    for (let i = 0; i < bits; i++) {
      const one = bit(probabilities, from + symbol)
      symbol = (symbol << 1) | one
      value |= one << i
    }
    return value
  }
  return { bit, direct, tree, reverseTree }
}
type RangeDecoder = ReturnType<typeof createRangeDecoder>

const probabilities = (count: number): Uint16Array => new Uint16Array(count).fill(HALF)

function readLength(decoder: RangeDecoder, model: Uint16Array, position: number): number {
  if (decoder.bit(model, 0) === 0) return decoder.tree(model, 2 + 8 * position, 3)
  if (decoder.bit(model, 1) === 0) return 8 + decoder.tree(model, 2 + 128 + 8 * position, 3)
  return 16 + decoder.tree(model, 2 + 256, 8)
}

function createDistances(decoder: RangeDecoder) {
  const slots = probabilities(4 * 64)
  const special = probabilities(128)
  const align = probabilities(16)
  return (length: number): number => {
    const slot = decoder.tree(slots, 64 * Math.min(length, 3), 6)
    if (slot < 4) return slot
    const count = (slot >> 1) - 1
    const base = (2 | (slot & 1)) * 2 ** count
    if (slot < 14) return base + decoder.reverseTree(special, base - slot, count)
    return base + decoder.direct(count - 4) * 16 + decoder.reverseTree(align, 0, 4)
  }
}

/**
 * @param packed five bytes of properties, then the stream
 * @param limitBytes the number of bytes wanted; the result is shorter only if the stream ends earlier
 * @param isOpenEnded true for streams without an end marker: a cut-off input ends the result instead of throwing
 * @param leftMs the time left, checked every `STEP_BYTES`
 * @throws LzmaError
 */
export function unpackLzma(
  packed: Uint8Array,
  limitBytes: number,
  {
    isOpenEnded = false,
    leftMs = () => Infinity,
  }: { isOpenEnded?: boolean; leftMs?: () => number } = {},
): Buffer {
  const properties = packed[0]
  if (properties === undefined || properties >= 225 || packed.length < PROPERTIES_BYTES + 5)
    throw new LzmaError('damaged')
  const literalContext = properties % 9
  const literalPosition = Math.floor(properties / 9) % 5
  const positionMask = (1 << Math.floor(properties / 45)) - 1
  if (literalContext + literalPosition > 8) throw new LzmaError('damaged')

  const decoder = createRangeDecoder(packed, PROPERTIES_BYTES)
  const literals = probabilities(0x300 << (literalContext + literalPosition))
  const isMatch = probabilities(STATES << 4)
  const isRepeat = probabilities(STATES)
  const isRepeat0 = probabilities(STATES)
  const isRepeat1 = probabilities(STATES)
  const isRepeat2 = probabilities(STATES)
  const isLong = probabilities(STATES << 4)
  const lengths = probabilities(LENGTH_PROBABILITIES)
  const repeatLengths = probabilities(LENGTH_PROBABILITIES)
  const distance = createDistances(decoder)

  const out = Buffer.alloc(limitBytes)
  let done = 0
  let state = 0
  let [rep0, rep1, rep2, rep3] = [0, 0, 0, 0]

  function literal(): void {
    const previous = done > 0 ? out[done - 1]! : 0
    const context =
      ((done & ((1 << literalPosition) - 1)) << literalContext) + (previous >> (8 - literalContext))
    const from = 0x300 * context
    let symbol = 1
    if (state >= 7) {
      let match = out[done - rep0 - 1]!
      while (symbol < 0x100) {
        const matchBit = (match >> 7) & 1
        match <<= 1
        const one = decoder.bit(literals, from + ((1 + matchBit) << 8) + symbol)
        symbol = (symbol << 1) | one
        if (matchBit !== one) break
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | decoder.bit(literals, from + symbol)
    out[done++] = symbol & 0xff
    state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6
  }
  function repeated(): void {
    if (decoder.bit(isRepeat1, state) === 0) [rep0, rep1] = [rep1, rep0]
    else if (decoder.bit(isRepeat2, state) === 0) [rep0, rep1, rep2] = [rep2, rep0, rep1]
    else [rep0, rep1, rep2, rep3] = [rep3, rep0, rep1, rep2]
  }
  function copy(length: number): void {
    if (rep0 >= done) throw new LzmaError('damaged')
    const end = Math.min(limitBytes, done + length)
    for (; done < end; done++) out[done] = out[done - rep0 - 1]!
  }

  function decode(): void {
    for (let checkedAt = 0; done < limitBytes;) {
      if (done - checkedAt >= STEP_BYTES) {
        if (leftMs() === 0) throw new LzmaError('no time is left')
        checkedAt = done
      }
      const position = done & positionMask
      if (decoder.bit(isMatch, (state << 4) + position) === 0) {
        literal()
        continue
      }
      let length: number
      if (decoder.bit(isRepeat, state) === 0) {
        ;[rep1, rep2, rep3] = [rep0, rep1, rep2]
        length = readLength(decoder, lengths, position)
        state = state < 7 ? 7 : 10
        rep0 = distance(length)
        if (rep0 === 0xffffffff) return
      } else {
        if (done === 0) throw new LzmaError('damaged')
        if (decoder.bit(isRepeat0, state) === 0) {
          if (decoder.bit(isLong, (state << 4) + position) === 0) {
            state = state < 7 ? 9 : 11
            copy(1)
            continue
          }
        } else repeated()
        length = readLength(decoder, repeatLengths, position)
        state = state < 7 ? 8 : 11
      }
      copy(length + MATCH_MIN)
    }
  }

  try {
    decode()
  } catch (error) {
    if (!(error instanceof CutOffError) || !isOpenEnded) throw error
  }
  return out.subarray(0, done)
}
