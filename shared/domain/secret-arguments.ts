/**
 * Finds the secrets in a line of installer arguments, by argument names and by marks of a person. If programs read the line
 * differently, every reading counts: hiding too much is harmless, hiding too little is not. Pure, linear in the length of the
 * line. secret-lines.ts masks and restores them.
 */
import type { DevicePlatform } from './platforms.ts'
import { readWords, rulesOf, type RawWord, type Reading } from './raw-words.ts'
import { SECRET_MASK } from './secret-mask.ts'
import { isFlagValue, isSecretName, takesSecret } from './secret-names.ts'
import { createValueMask } from './value-mask.ts'

export { SECRET_MASK }
export const SECRET_MARKS_LIMIT = 50
/** Maximum depth of lines within arguments (`/v"/qn PIDKEY=1"`, `-c 'tool --password 1'`). */
const DEPTH = 2
/** Minimum length of a secret whose further occurrences in the line are hidden too. */
const REPEATED_FROM = 4

export type SecretArgument = {
  /** Position in the line as typed, including its quotes. */
  start: number
  end: number
  /** Name of the argument as typed (`PIDKEY`, `/key`, `--password`); null: none. */
  name: string | null
  /** The value as programs read it, and as typed. */
  values: string[]
}
export type FoundSecrets = {
  secrets: SecretArgument[]
  /** Marks that match nothing in the line. */
  unmatched: string[]
}

type Mark = { text: string; name: string | null; isMatched: boolean }
type Name = { prefix: string; name: string; length: number; separator: boolean }

const NAME = /^(--?|\/|\+)?([\p{L}\p{N}_][\p{L}\p{N}_.-]*)/u
const NAME_CHARACTER = /[\p{L}\p{N}_.-]/u
/** Where the user and password of a URL may begin. */
const AUTHORITY = '://'
/** Ends the authority of a URL. */
const AUTHORITY_END = /[/?#\s"'<>]/
/** Looks like an option, so it is not the value of the option before it. */
const OPTION = /^(?:--?|\/)[A-Za-z][A-Za-z-]*$/
/** `NAME=…` or `/name:…`: the next argument after an empty value. */
const ASSIGNMENT = /^(?:--?|\/)?[\p{L}\p{N}_.-]+[=:]/u

function nameOf(text: string): Name | null {
  const found = NAME.exec(text)
  if (!found) return null
  const [all, prefix = '', name] = found
  const next = text[all.length]
  if (next !== undefined && next !== '=' && next !== ':') return null
  return { prefix, name: name!, length: all.length, separator: next !== undefined }
}

function toMark(text: string): Mark {
  const own = nameOf(text.trim())
  return {
    text: text.trim(),
    name: own ? own.name.toLowerCase() : null,
    isMatched: false,
  }
}

/** Collects the secrets of a reading. */
function createFinder(line: string, marks: readonly Mark[]) {
  const found: SecretArgument[] = []

  function marked({ prefix, name, separator }: Name): boolean {
    if (!separator && prefix === '') return false
    const of = marks.filter((mark) => mark.name === name.toLowerCase())
    for (const mark of of) mark.isMatched = true
    return of.length > 0
  }

  /** Hides a part of a word; the range grows until it splits no pair of quotes. */
  function hide(reading: Reading, word: RawWord, first: number, name: string | null): void {
    const value = word.text.slice(first)
    if (value === '' || value === SECRET_MASK) return
    const { quoteAt } = reading
    let start = first === 0 ? word.start : word.to[first - 1]!
    let end = quoteAt[word.end] === quoteAt[start] ? word.end : word.to.at(-1)!
    while (end < word.end && quoteAt[end] !== quoteAt[start]) end++
    if (quoteAt[end] !== quoteAt[start]) {
      start = word.from[first]!
      end = word.to.at(-1)!
      if (quoteAt[end] !== quoteAt[start]) [start, end] = [word.start, word.end]
    }
    found.push({ start, end, name, values: [value, line.slice(start, end)] })
  }

  /** A name inside a word: `https://…?token=1`, `Server=x;Password=1`. Hides everything after it. */
  function hideWithin(reading: Reading, word: RawWord): void {
    const { text } = word
    for (let i = 0; i < text.length; i++) {
      if (!NAME_CHARACTER.test(text[i]!)) continue
      const from = i
      while (i < text.length && NAME_CHARACTER.test(text[i]!)) i++
      if (text[i] !== '=' && text[i] !== ':') continue
      const name = text.slice(from, i)
      const value = text.slice(i + 1)
      const isMarked = marked({ prefix: '', name, length: 0, separator: true })
      if (!isMarked && !(isSecretName(name) && !isFlagValue(name, value))) continue
      return hide(reading, word, i + 1, name)
    }
  }

  /** `http://user:PASSWORD@host`, also with a password that is not encoded: `http://user:A/B@host`. */
  function hideInUrls(reading: Reading, word: RawWord): void {
    const { text } = word
    const lastAt = text.lastIndexOf('@')
    for (let i = text.indexOf(AUTHORITY); i >= 0 && i < lastAt; i = text.indexOf(AUTHORITY, i)) {
      i += AUTHORITY.length
      let [colon, at] = [-1, -1]
      for (; i < text.length && !AUTHORITY_END.test(text[i]!); i++)
        if (text[i] === '@') at = i
        else if (text[i] === ':' && colon < 0) colon = i
      if (colon < 0) continue
      // `host:80/a@b` has a port, and no password.
      if (at < 0 && i < lastAt && !/^\d*$/.test(text.slice(colon + 1, i))) i = at = lastAt
      if (at > colon + 1) hide(reading, partOf(word, colon + 1, at), 0, null)
    }
  }

  /** `-pSECRET`, where `-p` is marked. */
  function hideBehindLetter(reading: Reading, word: RawWord): boolean {
    const mark = marks.find(
      ({ text }) => /^-[A-Za-z]$/.test(text) && word.text.startsWith(text) && word.text !== text,
    )
    if (!mark) return false
    mark.isMatched = true
    hide(reading, word, mark.text.length, mark.text)
    return true
  }

  function look(reading: Reading, words: readonly RawWord[], depth: number): void {
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!
      hideInUrls(reading, word)
      const own = nameOf(word.text)
      const typed = own && own.prefix + own.name
      const value = own?.separator ? word.text.slice(own.length + 1) : ''
      const isMarked = own !== null && marked(own)
      const isSecret = own !== null && (isMarked || isSecretName(own.name))
      if (isSecret && value !== '') {
        if (isMarked || !isFlagValue(own.name, value)) {
          hide(reading, word, own.length + 1, typed)
          continue
        }
      } else if (isSecret && (own.prefix !== '' || own.separator || isMarked)) {
        const next = words[i + 1]
        const isValue =
          next !== undefined &&
          (isMarked && !own.separator
            ? true
            : takesSecret(own.name) &&
              !OPTION.test(next.text) &&
              !(own.separator && ASSIGNMENT.test(next.text)) &&
              !isFlagValue(own.name, next.text))
        // Continue with the value: it may be an option with a value of its own.
        if (isValue) hide(reading, next, 0, typed)
        continue
      }
      if (hideBehindLetter(reading, word)) continue
      if (depth > 0 && /[\s"']/.test(word.text)) {
        const lines = own?.separator ? [word, partOf(word, own.length + 1)] : [word]
        for (const words of lines.flatMap(nestedWords)) look(reading, words, depth - 1)
      } else hideWithin(reading, word)
    }
  }
  return { found, look }
}

const partOf = (word: RawWord, first: number, last = word.text.length): RawWord => ({
  text: word.text.slice(first, last),
  from: word.from.slice(first, last),
  to: word.to.slice(first, last),
  start: word.from[first]!,
  end: word.to[last - 1]!,
})

/** A word that is a line itself, in every reading, with positions in the outer line. */
function nestedWords(word: RawWord): RawWord[][] {
  return (['posix', 'escapes', 'quotes'] as const)
    .map((rule) => readWords(word.text, rule))
    .filter(({ isOpen, words }) => !isOpen && words.length > 0)
    .map(({ words }) =>
      words.map((inner) => ({
        text: inner.text,
        from: inner.from.map((at) => word.from[at]!),
        to: inner.to.map((at) => word.to[at - 1]!),
        start: word.from[inner.start]!,
        end: word.to[inner.end - 1]!,
      })),
    )
}

/** All occurrences of these values in the line, as typed or as programs read it. */
function placesOf(
  values: readonly string[],
  line: string,
  readings: readonly Reading[],
  known: readonly SecretArgument[] = [],
): SecretArgument[] {
  const places: SecretArgument[] = []
  const { places: find } = createValueMask(values)
  const hidden = new Uint8Array(line.length)
  for (const { start, end } of known) hidden.fill(1, start, end)
  const add = (start: number, end: number): void =>
    void places.push({ start, end, name: null, values: [line.slice(start, end)] })
  for (const [start, end] of find(line)) add(start, end)
  for (const { words, quoteAt } of readings)
    for (const { text, from, to, start, end } of words)
      for (const [first, next] of find(text)) {
        const [a, b] = [from[first]!, to[next - 1]!]
        if (!hidden.subarray(a, b).includes(0)) continue
        if (quoteAt[a] === quoteAt[b]) add(a, b)
        else add(start, end)
      }
  return places
}

/** In order, overlapping ones joined. */
function joined(secrets: SecretArgument[]): SecretArgument[] {
  const sorted = secrets.toSorted((a, b) => a.start - b.start || b.end - a.end)
  const result: SecretArgument[] = []
  for (const next of sorted) {
    const last = result.at(-1)
    if (!last || next.start >= last.end) result.push({ ...next, values: [...next.values] })
    else {
      last.end = Math.max(last.end, next.end)
      last.name ??= next.name
      last.values.push(...next.values)
    }
  }
  return result.map((one) => ({ ...one, values: [...new Set(one.values)] }))
}

/**
 * The secrets of a line.
 * @param marked marks of a person: argument names (`PIDKEY`, `-p`), whole arguments, or values
 */
export function findSecrets(
  line: string,
  marked: readonly string[],
  platform: DevicePlatform,
): FoundSecrets {
  const marks = marked.filter((text) => text.trim() !== '').map(toMark)
  const all = rulesOf(platform).map((rule) => readWords(line, rule))
  const closed = all.filter(({ isOpen }) => !isOpen)
  const readings = closed.length > 0 ? closed : all
  const found: SecretArgument[] = []
  for (const reading of readings) {
    const finder = createFinder(line, marks)
    finder.look(reading, reading.words, DEPTH)
    found.push(...finder.found)
  }
  for (const mark of marks.filter(({ isMatched }) => !isMatched)) {
    const places = placesOf([mark.text], line, readings)
    mark.isMatched = places.length > 0
    for (const place of places) found.push({ ...place, values: [mark.text, ...place.values] })
  }
  const values = found.flatMap((one) => one.values).filter(({ length }) => length >= REPEATED_FROM)
  found.push(...placesOf(values, line, readings, joined(found)))
  return {
    secrets: joined(found),
    unmatched: marks.filter(({ isMatched }) => !isMatched).map(({ text }) => text),
  }
}
