import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldedForSearch, foldedName } from './folding.ts'

describe('folding', () => {
  it.each([
    ['Büro', 'BÜRO'],
    ['Büro', 'Büro'.normalize('NFD')],
    ['Straße', 'STRASSE'],
    ['Straße', 'STRAẞE'],
    ['ΟΔΟΣ', 'οδος'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['ÉCOLE', 'école'.normalize('NFD')],
    ['ﬁle', 'FILE'],
    ['ＰＣ－１', 'pc-1'],
    ['Åse', 'Åse'],
    ['Bü\u00ADro', 'büro'],
    ['ПРИВЕТ', 'привет'],
    ['K', 'k'],
  ])('%s and %s are the same', (a, b) => {
    expect(foldedForSearch(a)).toBe(foldedForSearch(b))
  })
  it.each([
    ['Büro', 'Buro'],
    ['a', 'ä'],
    ['50%', '50_'],
  ])('%s and %s are not', (a, b) => {
    expect(foldedForSearch(a)).not.toBe(foldedForSearch(b))
  })
  it('finds a word by its start if its last letter differs in lower case', () => {
    expect(foldedForSearch('ΟΔΟΣ 12')).toContain(foldedForSearch('οδος'))
  })
  it('treats runs of spaces in names as one', () => {
    expect(foldedName(' Büro\u00A0 \u2003 Nord ')).toBe('büro nord')
  })
  it('gives the same result for folded and normalised text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
        const folded = foldedForSearch(text)
        expect(foldedForSearch(folded)).toBe(folded)
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const)
          expect(foldedForSearch(text.normalize(form))).toBe(folded)
      }),
    )
  })
})
