import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ONE_PLAIN_LINE,
  PLAIN_LINES,
  withoutSteering,
  withoutSteeringInLines,
} from './plain-text.ts'

const STEERS = [
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

describe.each(STEERS)('%s', (_what, text) => {
  it('becomes visible in one line and in several', () => {
    expect(withoutSteering(`a${text}b`)).toMatch(/^a\ufffd.*b$/u)
    expect(withoutSteeringInLines(`a${text}b`)).toMatch(/^a\ufffd.*b$/u)
  })
  it('is refused where a person types', () => {
    expect(ONE_PLAIN_LINE.test(`a${text}b`)).toBe(false)
    expect(PLAIN_LINES.test(`a${text}b`)).toBe(false)
  })
})

describe('text of every language', () => {
  it.each(['Büro 2', 'מחשב', 'کامپیوتر\u200cها', '👩\u200d💻', 'ＰＣ', 'A\u0308'])(
    'stays as it is: %s',
    (text) => {
      expect(withoutSteering(text)).toBe(text)
      expect(ONE_PLAIN_LINE.test(text)).toBe(true)
    },
  )
})

describe('line ends', () => {
  it('stay in texts of several lines, as line feeds', () => {
    expect(withoutSteeringInLines('a\r\nb\rc\n\td')).toBe('a\nb\nc\n\td')
    expect(PLAIN_LINES.test('a\r\n\tb')).toBe(true)
  })
  it('are replaced in one line', () => expect(withoutSteering('a\nb')).toBe('a\ufffdb'))
})

it('cleaned text passes the pattern, and cleaning it again changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const line = withoutSteering(text)
      const lines = withoutSteeringInLines(text)
      expect(ONE_PLAIN_LINE.test(line)).toBe(true)
      expect(PLAIN_LINES.test(lines)).toBe(true)
      expect(withoutSteering(line)).toBe(line)
      expect(withoutSteeringInLines(lines)).toBe(lines)
      expect(line.length).toBeLessThanOrEqual(text.length)
    }),
  )
})
