/** bzip2 for tests, as NSIS writes it: one block, and one code in which all symbols have the same length. */
const BLOCK = 0x31
const END = 0x17

/** Four equal bytes are followed by the number of more. */
function withRuns(bytes: Buffer): Buffer {
  const out: number[] = []
  for (let at = 0; at < bytes.length;) {
    let length = 1
    while (length < 259 && at + length < bytes.length && bytes[at + length] === bytes[at]) length++
    out.push(...bytes.subarray(at, at + Math.min(length, 4)))
    if (length >= 4) out.push(length - 4)
    at += length
  }
  return Buffer.from(out)
}

/** The last bytes of all rotations in their order, and the place of the original among them. */
function sorted(bytes: Buffer): { column: Buffer; origin: number } {
  const twice = Buffer.concat([bytes, bytes])
  const size = bytes.length
  const starts = Array.from({ length: size }, (_none, i) => i)
  starts.sort((a, b) => twice.compare(twice, b, b + size, a, a + size) || a - b)
  return {
    column: Buffer.from(starts.map((start) => twice[start + size - 1]!)),
    origin: starts.indexOf(0),
  }
}

/** Symbols: runs of the first byte as a number of two digits, the places of the others, and the end. */
function symbolsOf(column: Buffer, used: readonly number[]): number[] {
  const order = [...used]
  const symbols: number[] = []
  let run = 0
  const endRun = (): void => {
    for (; run > 0; run = (run - 1) >> 1) symbols.push((run - 1) % 2)
  }
  for (const byte of column) {
    const place = order.indexOf(byte)
    if (place === 0) {
      run++
      continue
    }
    endRun()
    symbols.push(place + 1)
    order.unshift(...order.splice(place, 1))
  }
  endRun()
  return [...symbols, used.length + 1]
}

export function packBzip2(bytes: Buffer): Buffer {
  const bits: number[] = []
  const add = (value: number, width: number): void => {
    for (let i = width - 1; i >= 0; i--) bits.push(Math.floor(value / 2 ** i) % 2)
  }
  const { column, origin } = sorted(withRuns(bytes))
  const used = [...new Set(column)].sort((a, b) => a - b)
  const symbols = symbolsOf(column, used)
  const width = Math.ceil(Math.log2(used.length + 2))
  const groups = Math.ceil(symbols.length / 50)
  const rows = Array.from({ length: 16 }, (_none, row) =>
    Array.from({ length: 16 }, (_one, i) => (used.includes(16 * row + i) ? 1 : 0)),
  )
  add(BLOCK, 8)
  add(origin, 24)
  for (const row of rows) add(row.some(Boolean) ? 1 : 0, 1)
  for (const row of rows.filter((one) => one.some(Boolean))) for (const one of row) add(one, 1)
  add(2, 3)
  add(groups, 15)
  for (let i = 0; i < groups; i++) add(0, 1)
  for (let code = 0; code < 2; code++) {
    add(width, 5)
    for (let i = 0; i < used.length + 2; i++) add(0, 1)
  }
  for (const symbol of symbols) add(symbol, width)
  add(END, 8)
  while (bits.length % 8 !== 0) bits.push(0)
  return Buffer.from(
    Array.from({ length: bits.length / 8 }, (_none, i) =>
      bits.slice(8 * i, 8 * i + 8).reduce((byte, one) => 2 * byte + one, 0),
    ),
  )
}
