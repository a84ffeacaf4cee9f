import fc from 'fast-check'
import { expect, it } from 'vitest'
import { packBzip2 } from '../../../../test-kit/windows/bzip2.ts'
import { Bzip2Error, unpackBzip2 } from './bzip2.ts'

const TEXT = Buffer.from('Never odd or even. '.repeat(40) + 'x'.repeat(700) + 'abcdefgh')

it('the bzip2 of NSIS is unpacked up to what is wanted', () => {
  const packed = packBzip2(TEXT)
  expect(packed.length).toBeLessThan(TEXT.length / 3)
  expect(unpackBzip2(packed, TEXT.length).equals(TEXT)).toBe(true)
  expect(unpackBzip2(packed, 5 * TEXT.length).equals(TEXT)).toBe(true)
  expect(unpackBzip2(packed, 100).equals(TEXT.subarray(0, 100))).toBe(true)
})

it('the bzip2 of NSIS returns any bytes as they were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), (bytes) => {
      expect(unpackBzip2(packBzip2(Buffer.from(bytes)), bytes.length).equals(bytes)).toBe(true)
    }),
    { numRuns: 30 },
  )
})

it('the bzip2 of NSIS that is cut off or damaged, or takes too long, is refused', () => {
  const packed = packBzip2(TEXT)
  for (let cut = 0; cut < packed.length - 2; cut += 7)
    expect(() => unpackBzip2(packed.subarray(0, cut), 5 * TEXT.length)).toThrow(Bzip2Error)
  expect(() => unpackBzip2(Buffer.from('BZh9'), 100)).toThrow(Bzip2Error)
  expect(() => unpackBzip2(packed, 100, { leftMs: () => 0 })).toThrow('no time')
})
