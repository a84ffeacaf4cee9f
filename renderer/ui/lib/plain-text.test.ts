import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { oneLine, splitIntoPieces, visibleText } from './plain-text.ts'

describe('visible text', () => {
  it('shows escape sequences instead of interpreting them', () =>
    expect(visibleText('\u001b[31mred\u001b[0m')).toBe('^[[31mred^[[0m'))
  it('normalises line ends', () => expect(visibleText('a\r\nb\rc\nd')).toBe('a\nb\nc\nd'))
  it('replaces direction overrides', () =>
    expect(visibleText('exe.\u202egpj')).toBe('exe.\ufffdgpj'))
  it('leaves markup unchanged, as plain text', () =>
    expect(visibleText('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>'))
  it('never lets a control character through', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visibleText(text)).not.toMatch(
          /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/,
        )
      }),
    ))
})

it('folds white space and bounds the length of a single line', () => {
  expect(oneLine(' a\n\n b\tc ')).toBe('a b c')
  expect(oneLine('x'.repeat(400))).toHaveLength(300)
})

describe('splitting into pieces', () => {
  it('keeps the whole text and adds nothing', () =>
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'é') }),
        fc.integer({ min: 1, max: 20 }),
        (text, size) => {
          expect(splitIntoPieces(text, size).join('')).toBe(text)
        },
      ),
    ))
  it('never splits a character', () =>
    expect(splitIntoPieces('😀😀😀', 1)).toEqual(['😀', '😀', '😀']))
  it('splits at line ends', () =>
    expect(splitIntoPieces('one\ntwo\nthree\n', 4)).toEqual(['one\ntwo\n', 'three\n']))
})
