/**
 * bzip2 as NSIS writes it (NSIS, Source/bzip2/decompress.c): blocks without the heads, checksums and randomization of .bz2 files.
 * Decodes at most what is wanted, which bounds the cost of a decompression bomb.
 */

/** The data are damaged or cut off. */
export class Bzip2Error extends Error {}

const BLOCK = 0x31
const END = 0x17
const BLOCK_LIMIT = 900_000
const GROUP_SYMBOLS = 50
const CODE_LIMIT = 20
/** Symbols that write runs of the first byte. */
const RUN_A = 0
const RUN_B = 1
/** How often the time is looked at. */
const STEP_SYMBOLS = 64 * 1024

function createBits(input: Uint8Array) {
  let at = 0
  let held = 0
  let count = 0
  return (wanted: number): number => {
    while (count < wanted) {
      if (at >= input.length) throw new Bzip2Error('cut off')
      held = ((held << 8) | input[at++]!) >>> 0
      count += 8
    }
    count -= wanted
    const value = (held >>> count) & ((1 << wanted) - 1)
    held &= (1 << count) - 1
    return value
  }
}
type Bits = ReturnType<typeof createBits>

/** Lengths of a Huffman code's symbols as a decoder: symbols in the order of their codes, and where each length ends. */
type Code = { limit: Int32Array; base: Int32Array; symbols: number[]; shortest: number }
function codeOf(lengths: readonly number[]): Code {
  const shortest = Math.min(...lengths)
  const symbols: number[] = []
  const limit = new Int32Array(CODE_LIMIT + 2).fill(-1)
  const base = new Int32Array(CODE_LIMIT + 2)
  let code = 0
  for (let length = shortest; length <= CODE_LIMIT; length++) {
    base[length] = code - symbols.length
    for (const [symbol, of] of lengths.entries()) if (of === length) symbols.push(symbol)
    code = symbols.length + base[length]!
    limit[length] = code - 1
    code *= 2
  }
  return { limit, base, symbols, shortest }
}

function symbolOf(bits: Bits, { limit, base, symbols, shortest }: Code): number {
  let length = shortest
  let code = bits(length)
  while (code > limit[length]!) {
    if (++length > CODE_LIMIT) throw new Bzip2Error('damaged')
    code = (code << 1) | bits(1)
  }
  const symbol = symbols[code - base[length]!]
  if (symbol === undefined) throw new Bzip2Error('damaged')
  return symbol
}

/** The bytes that occur in the block, in order. */
function readUsed(bits: Bits): number[] {
  const rows = bits(16)
  const used: number[] = []
  for (let row = 0; row < 16; row++) {
    const columns = (rows & (0x8000 >> row)) === 0 ? 0 : bits(16)
    for (let column = 0; column < 16; column++)
      if ((columns & (0x8000 >> column)) !== 0) used.push(16 * row + column)
  }
  return used
}

/** Which code is used for each group of symbols. */
function readSelectors(bits: Bits, codes: number): number[] {
  const count = bits(15)
  const order = Array.from({ length: codes }, (_none, i) => i)
  const selectors: number[] = []
  for (let i = 0; i < count; i++) {
    let place = 0
    while (bits(1) === 1) if (++place >= codes) throw new Bzip2Error('damaged')
    const [code] = order.splice(place, 1)
    order.unshift(code!)
    selectors.push(code!)
  }
  return selectors
}

function readCode(bits: Bits, symbols: number): Code {
  let length = bits(5)
  const lengths: number[] = []
  for (let i = 0; i < symbols; i++) {
    while (bits(1) === 1) length += bits(1) === 0 ? 1 : -1
    if (length < 1 || length > CODE_LIMIT) throw new Bzip2Error('damaged')
    lengths.push(length)
  }
  return codeOf(lengths)
}

/** The last column of the sorted block. */
function readColumn(bits: Bits, leftMs: () => number): Uint8Array {
  const used = readUsed(bits)
  const codeCount = bits(3)
  if (used.length === 0 || codeCount < 2 || codeCount > 6) throw new Bzip2Error('damaged')
  const selectors = readSelectors(bits, codeCount)
  const end = used.length + 1
  const codes = Array.from({ length: codeCount }, () => readCode(bits, end + 1))
  const column = new Uint8Array(BLOCK_LIMIT)
  let done = 0
  let [run, weight] = [0, 1]
  function endRun(): void {
    if (done + run > BLOCK_LIMIT) throw new Bzip2Error('damaged')
    column.fill(used[0]!, done, done + run)
    done += run
    ;[run, weight] = [0, 1]
  }
  for (let read = 0; ; read++) {
    const selector = selectors[Math.floor(read / GROUP_SYMBOLS)]
    if (selector === undefined) throw new Bzip2Error('damaged')
    if (read % STEP_SYMBOLS === 0 && leftMs() === 0) throw new Bzip2Error('no time is left')
    const symbol = symbolOf(bits, codes[selector]!)
    if (symbol === RUN_A || symbol === RUN_B) {
      run += weight * (symbol + 1)
      weight *= 2
      if (run > BLOCK_LIMIT) throw new Bzip2Error('damaged')
      continue
    }
    endRun()
    if (symbol === end) return column.subarray(0, done)
    if (done === BLOCK_LIMIT) throw new Bzip2Error('damaged')
    const [byte] = used.splice(symbol - 1, 1)
    used.unshift(byte!)
    column[done++] = byte!
  }
}

/** Undoes the sorting of the block, and writes its bytes, of which four equal ones are followed by a number of more. */
function write(column: Uint8Array, origin: number, out: Buffer, from: number): number {
  const starts = new Uint32Array(257)
  for (const byte of column) starts[byte + 1]!++
  for (let byte = 1; byte <= 256; byte++) starts[byte]! += starts[byte - 1]!
  const next = new Uint32Array(column.length)
  for (const [at, byte] of column.entries()) next[starts[byte]!++] = at
  if (origin >= column.length) throw new Bzip2Error('damaged')
  let done = from
  let place = next[origin]!
  let [last, equal] = [-1, 0]
  for (let i = 0; i < column.length && done < out.length; i++, place = next[place]!) {
    const byte = column[place]!
    if (equal === 4) {
      const end = Math.min(out.length, done + byte)
      out.fill(last, done, end)
      done = end
      equal = 0
      last = -1
      continue
    }
    equal = byte === last ? equal + 1 : 1
    last = byte
    out[done++] = byte
  }
  return done
}

/**
 * @param limitBytes the number of bytes wanted; the result is shorter only if the data end earlier
 * @throws Bzip2Error
 */
export function unpackBzip2(
  packed: Uint8Array,
  limitBytes: number,
  { leftMs = () => Infinity }: { leftMs?: () => number } = {},
): Buffer {
  const bits = createBits(packed)
  const out = Buffer.alloc(limitBytes)
  let done = 0
  while (done < limitBytes) {
    const mark = bits(8)
    if (mark === END) break
    if (mark !== BLOCK) throw new Bzip2Error('damaged')
    const origin = bits(24)
    done = write(readColumn(bits, leftMs), origin, out, done)
  }
  return out.subarray(0, done)
}
