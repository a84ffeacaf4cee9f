/** Ways to damage a file, reproducible by the random numbers that they take. */

/** From 0 to 1. */
type Random = () => number
const EXTREMES = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]
/** Most damage is of a few bytes; a part that is repeated many times must not become gigabytes. */
const REPEATED_LIMIT_BYTES = 512 * 1024
const MARKS = [
  '\0\0\0\0',
  '<',
  '<!--',
  '&#x41;',
  '../',
  '\ufffd',
  '%s',
  '{code:x}',
  'PK\x05\x06',
  'MSCF',
]

const below = (random: Random, limit: number): number => Math.floor(random() * limit)
const oneOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!

type Change = (bytes: Buffer, at: number, random: Random) => Buffer
const CHANGES: Readonly<Record<string, Change>> = {
  bytes: (bytes, at, random) => {
    const end = Math.min(bytes.length, at + 1 + below(random, 8))
    for (let i = at; i < end; i++) bytes[i] = below(random, 256)
    return bytes
  },
  bit: (bytes, at, random) => {
    if (at < bytes.length) bytes[at]! ^= 1 << below(random, 8)
    return bytes
  },
  number: (bytes, at, random) => {
    const width = oneOf(random, [1, 2, 4])
    if (at + width > bytes.length) return bytes
    const value = oneOf(random, EXTREMES) % 2 ** (8 * width)
    if (random() < 0.5) bytes.writeUIntLE(value, at, width)
    else bytes.writeUIntBE(value, at, width)
    return bytes
  },
  /** A number a little off, which a bounds check may miss. */
  step: (bytes, at, random) => {
    if (at + 4 > bytes.length) return bytes
    const value = bytes.readUInt32LE(at) + oneOf(random, [-9, -1, 1, 2, 8, 255])
    bytes.writeUInt32LE(value >>> 0, at)
    return bytes
  },
  repeat: (bytes, at, random) => {
    const piece = bytes.subarray(at, at + 1 + below(random, 64))
    const times = Math.floor(REPEATED_LIMIT_BYTES ** random() / Math.max(1, piece.length)) + 1
    const many = Buffer.alloc(piece.length * times, piece)
    return Buffer.concat([bytes.subarray(0, at), many, bytes.subarray(at)])
  },
  remove: (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 64))]),
  move: (bytes, at, random) => {
    const from = below(random, Math.max(1, bytes.length))
    bytes.copy(bytes, at, from, from + 1 + below(random, 64))
    return bytes
  },
  mark: (bytes, at, random) => {
    const mark = Buffer.from(oneOf(random, MARKS), 'latin1')
    return Buffer.concat([bytes.subarray(0, at), mark, bytes.subarray(at)])
  },
  cut: (bytes, at) => bytes.subarray(0, at),
}
const NAMES = Object.keys(CHANGES)

/** @returns a damaged copy, and what was done to it */
export function mutated(whole: Buffer, random: Random): { bytes: Buffer; how: string } {
  let bytes: Buffer = Buffer.from(whole)
  const done: string[] = []
  const count = 1 + below(random, 4)
  for (let i = 0; i < count; i++) {
    const name = oneOf(random, NAMES)
    // Most structures are near the beginning or the end.
    const near = Math.floor(bytes.length * random() ** 3)
    const end = Math.max(0, bytes.length - 1 - near)
    const at = random() < 0.25 ? end : random() < 0.5 ? near : below(random, bytes.length)
    bytes = CHANGES[name]!(bytes, at, random)
    done.push(`${name} at ${at}`)
  }
  return { bytes, how: done.join(', ') }
}
