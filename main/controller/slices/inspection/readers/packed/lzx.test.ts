import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { lzxPacker } from '../../../../test-kit/windows/lzx.ts'
import { LzxError, unpackLzx } from './lzx.ts'

const FRAME = 32 * 1024
/** Repeats at several distances, and bytes without any. */
const WHOLE = Buffer.concat([
  Buffer.from('Never odd or even. '.repeat(900)),
  randomBytes(20_000),
  Buffer.alloc(9_000, 'x'),
  Buffer.from(
    'a palindrome of seventy characters, padded to it with dots'.padEnd(70, '.').repeat(1_200),
  ),
])
function packed(): Buffer {
  const pack = lzxPacker()
  const frames: Buffer[] = []
  for (let at = 0; at < WHOLE.length; at += FRAME) frames.push(pack(WHOLE.subarray(at, at + FRAME)))
  return Buffer.concat(frames)
}
const options = { wholeBytes: WHOLE.length, limitBytes: WHOLE.length, leftMs: () => Infinity }

it('LZX is unpacked through blocks of every kind, up to what is wanted', () => {
  expect(packed().length).toBeLessThan(WHOLE.length)
  expect(unpackLzx(packed(), 15, options).equals(WHOLE)).toBe(true)
  const start = unpackLzx(packed(), 15, { ...options, limitBytes: 40_000 })
  expect(start.equals(WHOLE.subarray(0, 40_000))).toBe(true)
})

it('LZX that is cut off or damaged, or takes too long, is refused', () => {
  const bytes = packed()
  for (const cut of [0, 1, 5, 900, bytes.length - 3])
    expect(() => unpackLzx(bytes.subarray(0, cut), 15, options)).toThrow(LzxError)
  expect(() => unpackLzx(Buffer.alloc(100), 15, options)).toThrow(LzxError)
  expect(() => unpackLzx(bytes, 25, options)).toThrow(LzxError)
  expect(() => unpackLzx(bytes, 15, { ...options, leftMs: () => 0 })).toThrow('no time')
})
