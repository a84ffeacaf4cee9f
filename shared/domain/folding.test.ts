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
  it('finds the first letters of a word that ends differently in small letters', () => {
    expect(foldedForSearch('ΟΔΟΣ 12')).toContain(foldedForSearch('οδος'))
  })
  it('takes runs of spaces for one in names', () => {
    expect(foldedName(' Büro\u00A0 \u2003 Nord ')).toBe('büro nord')
  })
  it('is the same for what was folded, normalised or written in capitals before', () => {
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
