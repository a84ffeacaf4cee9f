import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ONE_PLAIN_LINE,
  PLAIN_LINES,
  replaceMisleading,
  replaceMisleadingInLines,
} from './plain-text.ts'

const MISLEADING = [
  ['escape', '\u001b[2J'],
  ['NUL', '\0'],
  ['C1 control', '\u009b'],
  ['right-to-left override', '\u202e'],
  ['isolate', '\u2066'],
  ['Arabic letter mark', '\u061c'],
  ['line separator', '\u2028'],
  ['zero-width space', '\u200b'],
  ['byte order mark', '\ufeff'],
  ['word joiner', '\u2060'],
  ['interlinear annotation', '\ufff9'],
  ['tag character', '\u{e0041}'],
  ['lone surrogate', '\ud800'],
] as const

describe.each(MISLEADING)('%s', (_what, text) => {
  it('is replaced in one line and in several', () => {
    expect(replaceMisleading(`a${text}b`)).toMatch(/^a\ufffd.*b$/u)
    expect(replaceMisleadingInLines(`a${text}b`)).toMatch(/^a\ufffd.*b$/u)
  })
  it('is refused in typed text', () => {
    expect(ONE_PLAIN_LINE.test(`a${text}b`)).toBe(false)
    expect(PLAIN_LINES.test(`a${text}b`)).toBe(false)
  })
})

describe('text of every language', () => {
  it.each(['Büro 2', 'מחשב', 'کامپیوتر\u200cها', '👩\u200d💻', 'ＰＣ', 'A\u0308'])(
    'stays unchanged: %s',
    (text) => {
      expect(replaceMisleading(text)).toBe(text)
      expect(ONE_PLAIN_LINE.test(text)).toBe(true)
    },
  )
})

describe('line ends', () => {
  it('become line feeds in texts of several lines', () => {
    expect(replaceMisleadingInLines('a\r\nb\rc\n\td')).toBe('a\nb\nc\n\td')
    expect(PLAIN_LINES.test('a\r\n\tb')).toBe(true)
  })
  it('are replaced in one line', () => expect(replaceMisleading('a\nb')).toBe('a\ufffdb'))
})

it('cleans any text so that it matches the pattern, and changes nothing the second time', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const line = replaceMisleading(text)
      const lines = replaceMisleadingInLines(text)
      expect(ONE_PLAIN_LINE.test(line)).toBe(true)
      expect(PLAIN_LINES.test(lines)).toBe(true)
      expect(replaceMisleading(line)).toBe(line)
      expect(replaceMisleadingInLines(lines)).toBe(lines)
      expect(line.length).toBeLessThanOrEqual(text.length)
    }),
  )
})
