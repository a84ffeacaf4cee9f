import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createValueMask, NOTHING_HELD } from './value-mask.ts'

/** The output for a text that arrives in these pieces. */
function inPieces(values: string[], pieces: readonly string[]): string {
  const mask = createValueMask(values)
  let held = NOTHING_HELD
  let text = ''
  for (const piece of pieces) {
    const next = mask.feed(held, piece)
    text += next.text
    held = next.held
  }
  return text + mask.end(held)
}

describe('a text', () => {
  it('is masked', () => {
    const mask = createValueMask(['LIC-7QX2', 'A B C D'])
    expect(mask.mask('key LIC-7QX2, also "A B C D".')).toBe('key ●●●, also "●●●".')
  })
  it('hides short values only as whole words', () => {
    const mask = createValueMask(['abc', '1'])
    expect(mask.mask('abc abcd "abc" 1 21 x=1')).toBe('●●● abcd "●●●" ●●● 21 x=●●●')
  })
  it('hides values that overlap', () => {
    expect(createValueMask(['abcdef', 'defghi']).mask('xabcdefghiy')).toBe('x●●●y')
  })
  it('stays unchanged without values', () => {
    expect(createValueMask([]).mask('abc')).toBe('abc')
    expect(createValueMask(['', ' ', '●●●']).mask('a ●●● b')).toBe('a ●●● b')
  })
})

describe('pieces', () => {
  it('hide a value that they split', () => {
    expect(inPieces(['LIC-7QX2'], ['a LIC', '-7Q', 'X2 b'])).toBe('a ●●● b')
  })
  it('pass on immediately what cannot be the start of a value', () => {
    const { text, held } = createValueMask(['LIC-7QX2']).feed(NOTHING_HELD, 'working … LI')
    expect([text, held.text]).toEqual(['working … ', 'LI'])
  })
  it('hide the start of a value at the end of the text', () => {
    expect(inPieces(['LIC-7QX2'], ['a LIC-7Q'])).toBe('a ●●●')
    expect(inPieces(['LIC-7QX2'], ['a L'])).toBe('a L')
  })
  it('decide on a short value once the next piece is known', () => {
    expect(inPieces(['abc'], ['x abc', 'd'])).toBe('x abcd')
    expect(inPieces(['abc'], ['x abc', ' d'])).toBe('x ●●● d')
    expect(inPieces(['abc'], ['x abc'])).toBe('x ●●●')
  })

  it('never show a value, wherever the text is split', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 6, maxLength: 10 })
    fc.assert(
      fc.property(
        fc.array(letters, { minLength: 1, maxLength: 4 }),
        fc.array(
          fc.oneof(
            fc.string({ unit: fc.constantFrom('a', 'b', '-', ' '), maxLength: 8 }),
            fc.nat({ max: 3 }),
          ),
          { maxLength: 12 },
        ),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
        (values, parts, sizes) => {
          const text = parts.map((p) => (typeof p === 'number' ? (values[p] ?? '') : p)).join('')
          const pieces: string[] = []
          for (let at = 0, i = 0; at < text.length; at += sizes[i % sizes.length]!, i++)
            pieces.push(text.slice(at, at + sizes[i % sizes.length]!))
          const passed = inPieces(values, pieces)
          for (const value of values) expect(passed).not.toContain(value)
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('are masked in time proportional to their length, however many values there are', () => {
    const values = Array.from({ length: 1_000 }, (_, i) => `${'a'.repeat(i % 40)}${i}`)
    const mask = createValueMask(values)
    const from = performance.now()
    mask.feed(NOTHING_HELD, 'a'.repeat(64 * 1024))
    expect(performance.now() - from).toBeLessThan(500)
  })
})
