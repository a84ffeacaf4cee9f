import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packLzma } from '../../../../test-kit/windows/lzma.ts'
import { LzmaError, unpackLzma } from './lzma.ts'

/** `Never odd or even. ` 40 times, then the numbers from 0 to 99, by xz 5.4: with matches, repeats and an end mark. */
const PACKED = Buffer.from(
  'XQAAAQAAJxlKxmeOZFfdRaCgE82/P/OOreGS/MFj4bzDvJj04M6BX2NYB9S8nIgiVXtzny7ozRtXHXW5ExufNwQVw0H7lMbGcr9bfjlePjhUcq0SoEfKZiMMwWkXmEGBrQoV3kT+C4GWYm0DvuZ7hffm7Q+rIGtVM7eIYrSE75VSUsUrbsV+TliQQjuzI6apnZDsoI/+PeoortsNiJ03x7zYNtgokf1TnAA=',
  'base64',
)
const TEXT = 'Never odd or even. '.repeat(40) + Array.from({ length: 100 }, (_none, i) => i).join()

describe('LZMA', () => {
  it('is unpacked up to its end mark, or up to what is wanted', () => {
    expect(unpackLzma(PACKED, TEXT.length).toString()).toBe(TEXT)
    expect(unpackLzma(PACKED, 10 * TEXT.length).toString()).toBe(TEXT)
    expect(unpackLzma(PACKED, 100).toString()).toBe(TEXT.slice(0, 100))
  })

  it('returns any bytes as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(unpackLzma(packLzma(Buffer.from(bytes)), bytes.length).equals(bytes)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('is given up when no time is left', () => {
    const long = packLzma(Buffer.alloc(200_000, 'x'))
    let left = 2
    const wanted = () => unpackLzma(long, 200_000, { leftMs: () => --left })
    expect(wanted).toThrow(/no time/)
    expect(unpackLzma(long, 60_000, { leftMs: () => 0 })).toHaveLength(60_000)
  })

  it('that is cut off or damaged is refused, or ends within what is wanted', () => {
    for (let cut = 0; cut < PACKED.length - 8; cut++)
      expect(() => unpackLzma(PACKED.subarray(0, cut), TEXT.length), `cut at ${cut}`).toThrow(
        LzmaError,
      )
    fc.assert(
      fc.property(fc.nat({ max: PACKED.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const bytes = Buffer.from(PACKED)
        bytes[at] = value
        try {
          expect(unpackLzma(bytes, 4_096).length).toBeLessThanOrEqual(4_096)
        } catch (error) {
          expect(error).toBeInstanceOf(LzmaError)
        }
      }),
      { numRuns: 300 },
    )
  })
})
