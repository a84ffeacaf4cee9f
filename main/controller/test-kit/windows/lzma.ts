/** LZMA for tests: literals only, so it compresses little, but any decoder reads it. */

/** @returns five bytes of properties (lc 3, lp 0, pb 2) and the stream, without an end mark */
export function packLzma(bytes: Buffer): Buffer {
  const literals = new Uint16Array(0x300 << 3).fill(1024)
  const isMatch = new Uint16Array(4).fill(1024)
  const out: number[] = []
  let low = 0n
  let range = 0xffffffff
  let cache = 0
  let pending = 1

  function shiftLow(): void {
    if (low < 0xff000000n || low > 0xffffffffn) {
      const carry = Number(low >> 32n)
      let first = cache
      do {
        out.push((first + carry) & 0xff)
        first = 0xff
      } while (--pending > 0)
      cache = Number((low >> 24n) & 0xffn)
    }
    pending++
    low = (low & 0x00ffffffn) << 8n
  }
  function encode(model: Uint16Array, index: number, bit: number): void {
    const bound = (range >>> 11) * model[index]!
    if (bit === 0) {
      range = bound
      model[index]! += (2048 - model[index]!) >>> 5
    } else {
      low += BigInt(bound)
      range -= bound
      model[index]! -= model[index]! >>> 5
    }
    while (range < 2 ** 24) {
      range = (range << 8) >>> 0
      shiftLow()
    }
  }
  let previous = 0
  for (const [at, byte] of bytes.entries()) {
    encode(isMatch, at & 3, 0)
    const from = 0x300 * (previous >> 5)
    let symbol = 1
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >> bit) & 1
      encode(literals, from + symbol, one)
      symbol = (symbol << 1) | one
    }
    previous = byte
  }
  for (let i = 0; i < 5; i++) shiftLow()
  return Buffer.concat([Buffer.from([0x5d, 0, 0, 0x80, 0]), Buffer.from(out)])
}
