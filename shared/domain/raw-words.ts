/**
 * Splits an argument line into words and keeps the position of each character in the typed line. Programs read quotes and
 * backslashes differently; each rule gives one reading. Pure, linear in the length of the line.
 */
import type { DevicePlatform } from './platforms.ts'

/**
 * `posix`: sh(1). `escapes`: CommandLineToArgvW, a backslash before a quote escapes it. `quotes`: msiexec and cmd.exe, a quote is
 * always a quote.
 */
export type ReadingRule = 'posix' | 'escapes' | 'quotes'

export type RawWord = {
  text: string
  /** Start and end in the line of each character of `text`. */
  from: number[]
  to: number[]
  /** The whole word in the line, quotes included. */
  start: number
  end: number
}
export type Reading = {
  words: RawWord[]
  /** A quote is not closed. */
  isOpen: boolean
  /** For each position of the line: the quote that is open before it, 0 for none. */
  quoteAt: Uint8Array
}

const BLANKS = new Set([' ', '\t', '\n', '\r'])
export const isBlank = (c: string | undefined): boolean => c !== undefined && BLANKS.has(c)
const [NONE, DOUBLE, SINGLE] = [0, 1, 2]

export const rulesOf = (platform: DevicePlatform): ReadingRule[] =>
  platform === 'windows' ? ['escapes', 'quotes'] : ['posix']

export function readWords(line: string, rule: ReadingRule): Reading {
  const words: RawWord[] = []
  const quoteAt = new Uint8Array(line.length + 1)
  let quote = NONE
  let word: RawWord | null = null
  const open = (at: number): RawWord =>
    (word ??= { text: '', from: [], to: [], start: at, end: at })
  const add = (at: number, length: number, c: string): void => {
    const into = open(at)
    into.text += c
    into.from.push(at)
    into.to.push(at + length)
  }

  for (let i = 0; i < line.length;) {
    const c = line[i]!
    quoteAt[i] = quote
    let length = 1
    if (quote === NONE && isBlank(c)) {
      if (word) words.push(Object.assign(word, { end: i }))
      word = null
    } else if (c === '\\' && rule === 'escapes') {
      // Backslashes count in pairs before a quote, and singly elsewhere.
      let end = i
      while (line[end] === '\\') quoteAt[end++] = quote
      const isBeforeQuote = line[end] === '"'
      let at = i
      for (const step = isBeforeQuote ? 2 : 1; at + step <= end; at += step) add(at, step, c)
      if (at < end) {
        quoteAt[end] = quote
        add(at, 2, '"')
        end++
      }
      length = end - i
    } else if (c === '\\' && rule === 'posix' && quote !== SINGLE && isEscape(line, i, quote)) {
      length = 2
      quoteAt[i + 1] = quote
      add(i, 2, line[i + 1]!)
    } else if (c === '"' && quote !== SINGLE) {
      if (rule !== 'posix' && quote === DOUBLE && line[i + 1] === '"') {
        length = 2
        quoteAt[i + 1] = quote
        add(i, 2, '"')
      } else {
        open(i)
        quote = quote === DOUBLE ? NONE : DOUBLE
      }
    } else if (c === "'" && rule === 'posix' && quote !== DOUBLE) {
      open(i)
      quote = quote === SINGLE ? NONE : SINGLE
    } else add(i, 1, c)
    i += length
  }
  quoteAt[line.length] = quote
  if (word) words.push(Object.assign(word, { end: line.length }))
  return { words, isOpen: quote !== NONE, quoteAt }
}

/** Whether the backslash at `i` belongs to the next character. */
const isEscape = (line: string, i: number, quote: number): boolean =>
  line[i + 1] !== undefined && (quote === NONE || '"\\$`'.includes(line[i + 1]!))
