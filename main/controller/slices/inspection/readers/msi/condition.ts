/**
 * Conditions of Windows Installer (learn.microsoft.com/windows/win32/msi, "Conditional Statement Syntax"), evaluated as far as the
 * package alone decides them.
 */

/** Undefined: it depends on the PC. */
type Outcome = boolean | undefined
/** The value of a property. Empty: not set. Undefined: it depends on the PC. */
export type PropertyLookup = (name: string) => string | undefined

const TOKEN =
  /\s*(?:(?<text>"[^"]*")|(?<operator>~?(?:<>|><|>=|<=|>>|<<|=|<|>))|(?<open>\()|(?<close>\))|(?<word>[%$?&!]?-?[A-Za-z0-9_.]+))/y
const TOKEN_LIMIT = 1_000
const DEPTH_LIMIT = 50

type Token = { kind: 'text' | 'operator' | 'open' | 'close' | 'word'; text: string }

/** Null: it is not a condition, or has more tokens than TOKEN_LIMIT. */
function tokensOf(condition: string): Token[] | null {
  const tokens: Token[] = []
  const end = condition.trimEnd().length
  for (let at = 0; at < end; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at
    const [kind, text] =
      Object.entries(TOKEN.exec(condition)?.groups ?? {}).find(
        ([, value]) => value !== undefined,
      ) ?? []
    if (kind === undefined || text === undefined || tokens.length === TOKEN_LIMIT) return null
    tokens.push({ kind: kind as Token['kind'], text })
  }
  return tokens
}

const not = (value: Outcome): Outcome => (value === undefined ? undefined : !value)
function and(a: Outcome, b: Outcome): Outcome {
  if (a === false || b === false) return false
  return a === undefined || b === undefined ? undefined : true
}
const or = (a: Outcome, b: Outcome): Outcome => not(and(not(a), not(b)))
const same = (a: Outcome, b: Outcome): Outcome =>
  a === undefined || b === undefined ? undefined : a === b

const isInteger = (text: string): boolean => /^-?\d{1,10}$/.test(text)

function compare(left: string, operator: string, right: string): boolean {
  const ignoresCase = operator.startsWith('~')
  const sign = ignoresCase ? operator.slice(1) : operator
  const [a, b] = ignoresCase ? [left.toLowerCase(), right.toLowerCase()] : [left, right]
  if (sign === '><') return a.includes(b)
  if (sign === '<<') return a.startsWith(b)
  if (sign === '>>') return a.endsWith(b)
  // A number and a text are unequal, and neither is greater.
  if (isInteger(a) !== isInteger(b)) return sign === '<>'
  const order = isInteger(a) ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0
  switch (sign) {
    case '=':
      return order === 0
    case '<>':
      return order !== 0
    case '<':
      return order < 0
    case '>':
      return order > 0
    case '<=':
      return order <= 0
    default:
      return order >= 0
  }
}

class Malformed extends Error {}

/** The names of properties in a condition. */
export function propertiesIn(condition: string): string[] {
  const words = (tokensOf(condition) ?? []).filter(
    ({ kind, text }) =>
      kind === 'word' && /^[A-Za-z_]/.test(text) && !/^(?:not|and|or|xor|eqv|imp)$/i.test(text),
  )
  return [...new Set(words.map(({ text }) => text))]
}

/** Undefined: it depends on the PC, or is not a condition. */
export function evaluate(condition: string, lookup: PropertyLookup): boolean | undefined {
  const found = tokensOf(condition)
  if (found === null) return undefined
  const tokens = found
  let at = 0
  const isWord = (word: string): boolean =>
    tokens[at]?.kind === 'word' && tokens[at]!.text.toLowerCase() === word

  function value(): string | undefined {
    const token = tokens[at++]
    if (token?.kind === 'text') return token.text.slice(1, -1)
    if (token?.kind !== 'word') throw new Malformed()
    if (isInteger(token.text)) return token.text
    // Variables of the environment, components and features depend on the PC.
    return /^[A-Za-z_]/.test(token.text) ? lookup(token.text) : undefined
  }
  function term(depth: number): Outcome {
    if (depth > DEPTH_LIMIT) throw new Malformed()
    if (isWord('not')) {
      at++
      return not(term(depth + 1))
    }
    if (tokens[at]?.kind === 'open') {
      at++
      const inner = expression(depth + 1)
      if (tokens[at++]?.kind !== 'close') throw new Malformed()
      return inner
    }
    const left = value()
    const operator = tokens[at]
    if (operator?.kind !== 'operator')
      // A number counts as true unless it is 0, a text unless it is empty.
      return left === undefined ? undefined : isInteger(left) ? Number(left) !== 0 : left !== ''
    at++
    const right = value()
    return left === undefined || right === undefined
      ? undefined
      : compare(left, operator.text, right)
  }
  /** From the weakest operator to the strongest: IMP, EQV, XOR, OR, AND. */
  const OPERATORS: [word: string, apply: (a: Outcome, b: Outcome) => Outcome][] = [
    ['imp', (a, b) => or(not(a), b)],
    ['eqv', same],
    ['xor', (a, b) => not(same(a, b))],
    ['or', or],
    ['and', and],
  ]
  function operation(level: number, depth: number): Outcome {
    const [word, apply] = OPERATORS[level] ?? []
    if (word === undefined || apply === undefined) return term(depth)
    let left = operation(level + 1, depth)
    while (isWord(word)) {
      at++
      left = apply(left, operation(level + 1, depth))
    }
    return left
  }
  const expression = (depth: number): Outcome => operation(0, depth)

  try {
    const outcome = expression(0)
    return at === tokens.length ? outcome : undefined
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}
