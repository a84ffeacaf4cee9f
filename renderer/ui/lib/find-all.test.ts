import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldedForSearch } from '#shared/domain/folding.ts'
import { findAll } from './find-all.ts'

const found = (text: string, needle: string): string[] =>
  findAll(text, needle).map(({ start, end }) => text.slice(start, end))

describe('finding text', () => {
  it('ignores case and returns no overlapping matches', () =>
    expect(findAll('aAaA', 'aa')).toEqual([
      { start: 0, end: 2 },
      { start: 2, end: 4 },
    ]))
  it('finds nothing for an empty needle', () => expect(findAll('text', '')).toEqual([]))
  it('stops at the limit', () => expect(findAll('a'.repeat(100), 'a', 10)).toHaveLength(10))
  it.each([
    ['Größe geändert', 'GRÖSSE', ['Größe']],
    ['GRÖSSE geändert', 'größe', ['GRÖSSE']],
    ['Büro und BÜRO', 'büro'.normalize('NFD'), ['Büro', 'BÜRO']],
    ['Büro'.normalize('NFD') + '!', 'BÜRO', ['Büro'.normalize('NFD')]],
    ['İstanbul İ', 'İSTANBUL', ['İstanbul']],
    ['ISTANBUL', 'istanbul', ['ISTANBUL']],
    ['İİx', 'x', ['x']],
    ['ΟΔΟΣ', 'οδος', ['ΟΔΟΣ']],
    ['die ﬁle', 'FILE', ['ﬁle']],
    ['Bü\u00ADro', 'büro', ['Bü\u00ADro']],
    ['한국'.normalize('NFD'), '한국', ['한국'.normalize('NFD')]],
    ['日本語のテスト', 'の', ['の']],
    ['😀 Fehler 😀', 'fehler', ['Fehler']],
    ['Straße', 's', ['S', 'ß']],
    ['Buro', 'Büro', []],
  ])('in %j, searching for %j', (text, needle, places) =>
    expect(found(text, needle)).toEqual(places),
  )

  it('finds every part of a text at its place, however the part is written', () =>
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'aßÄöİıσςé ﬁ日x'), maxLength: 20 }),
        fc.string({ unit: fc.constantFrom(...'aßÄöİıσςé ﬁ日x'), minLength: 1, maxLength: 5 }),
        fc.string({ unit: fc.constantFrom(...'aßÄö x'), maxLength: 20 }),
        (before, part, after) => {
          for (const written of [part, part.toUpperCase(), part.normalize('NFD')])
            expect(
              found(before + written + after, part).some((text) =>
                foldedForSearch(text).includes(foldedForSearch(part)),
              ),
            ).toBe(true)
        },
      ),
    ))

  it('searches a long text in another script quickly', () => {
    const startedAt = performance.now()
    expect(findAll('Größe 日本 '.repeat(100_000), 'GRÖSSE')).toHaveLength(5_000)
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })
})
