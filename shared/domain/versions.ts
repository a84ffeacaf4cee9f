/**
 * Compares versions as each ecosystem does: deb-version(7), rpm's rpmvercmp, the three fields of Windows Installer, and dotted
 * versions for everything else. Every comparison returns less than, equal to or greater than 0. Pure.
 */

/** Compares two runs of digits by value, of any length. */
function compareNumbers(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return x.length - y.length || (x < y ? -1 : x > y ? 1 : 0)
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const isDigit = (c: string | undefined): boolean => c !== undefined && c >= '0' && c <= '9'
const isLetter = (c: string): boolean => /^[A-Za-z]$/.test(c)

// ---- Debian ----------------------------------------------------------------------------------------------------------

/** `~` sorts before the end of the text, letters before all other characters (lib/dpkg/version.c, `order`). */
function debWeight(c: string | undefined): number {
  if (c === undefined || isDigit(c)) return 0
  if (c === '~') return -1
  return isLetter(c) ? c.charCodeAt(0) : c.charCodeAt(0) + 256
}

function compareDebText(a: string, b: string): number {
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a[i])) || (j < b.length && !isDigit(b[j]))) {
      const order = debWeight(a[i]) - debWeight(b[j])
      if (order !== 0) return order
      i++
      j++
    }
    const [fromA, fromB] = [i, j]
    while (isDigit(a[i])) i++
    while (isDigit(b[j])) j++
    const order = compareNumbers(a.slice(fromA, i), b.slice(fromB, j))
    if (order !== 0) return order
  }
  return 0
}

function debParts(text: string): { epoch: string; version: string; revision: string } {
  const trimmed = text.trim()
  const colon = trimmed.indexOf(':')
  const rest = trimmed.slice(colon + 1)
  const dash = rest.lastIndexOf('-')
  return {
    epoch: colon < 0 ? '0' : trimmed.slice(0, colon),
    version: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  }
}

/** `[epoch:]upstream[-revision]`, as `dpkg --compare-versions`. A missing epoch is 0, a missing revision sorts first. */
export function compareDeb(a: string, b: string): number {
  const [x, y] = [debParts(a), debParts(b)]
  return (
    compareNumbers(x.epoch, y.epoch) ||
    compareDebText(x.version, y.version) ||
    compareDebText(x.revision, y.revision)
  )
}

// ---- RPM -------------------------------------------------------------------------------------------------------------

/** Splits into runs of digits and runs of letters; other characters are separators. `~` and `^` are tokens of their own. */
const rpmParts = (text: string): string[] => text.match(/\d+|[A-Za-z]+|[~^]/g) ?? []

function compareRpmPart(a: string, b: string): number {
  const aNumber = isDigit(a[0])
  if (aNumber !== isDigit(b[0])) return aNumber ? 1 : -1
  return aNumber ? compareNumbers(a, b) : compareText(a, b)
}

/** rpm's own order (rpmvercmp in rpmio/rpmvercmp.c of rpm): `~` before everything, `^` after the end, numbers above words. */
export function compareRpmText(a: string, b: string): number {
  const [as, bs] = [rpmParts(a), rpmParts(b)]
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const [x, y] = [as[i], bs[i]]
    if (x === y) continue
    if (x === '~') return -1
    if (y === '~') return 1
    if (x === '^') return y === undefined ? 1 : -1
    if (y === '^') return x === undefined ? -1 : 1
    if (x === undefined) return -1
    if (y === undefined) return 1
    const order = compareRpmPart(x, y)
    if (order !== 0) return order
  }
  return 0
}

/** `[epoch:]version[-release]`; a missing epoch is 0, a release counts only where both have one. */
export function compareRpm(a: string, b: string): number {
  const split = (text: string) => {
    const match = /^(?:(\d+|\(none\)):)?([^-]*)(?:-(.*))?$/.exec(text.trim())
    return {
      epoch: /^\d+$/.test(match?.[1] ?? '') ? match![1]! : '0',
      version: match?.[2] ?? text,
      release: match?.[3],
    }
  }
  const [x, y] = [split(a), split(b)]
  const order = compareNumbers(x.epoch, y.epoch) || compareRpmText(x.version, y.version)
  if (order !== 0 || x.release === undefined || y.release === undefined) return order
  return compareRpmText(x.release, y.release)
}

// ---- Windows and macOS -----------------------------------------------------------------------------------------------

/** Words that make a version older than the one without them. A single `a` or `b` counts only before a number (2.0b1). */
const EARLIER = /^(?:alpha|beta|rc|cr|pre|preview|prerelease|dev|snapshot|nightly|canary|ea)$/

type Token = { number: string } | { word: string; isEarlier: boolean }

function dottedTokens(text: string): Token[] {
  // Text in parentheses names an edition (`7.1 (x64)`).
  const plain = text.replace(/\([^)]{0,200}\)/g, ' ').toLowerCase()
  const parts = plain.match(/\d+|[\p{L}]+/gu) ?? []
  // `v1.2`, `Version 1.2`
  while (parts.length > 1 && ['v', 'ver', 'version'].includes(parts[0]!)) parts.shift()
  const tokens = parts.map((part, i): Token => {
    if (isDigit(part[0])) return { number: part }
    const isLetterStage = /^[ab]$/.test(part) && isDigit(parts[i + 1]?.[0])
    return { word: part, isEarlier: EARLIER.test(part) || isLetterStage }
  })
  // A missing field is 0, also before a word: 1.0-rc1 and 1.0.0-rc1 are the same.
  return tokens.filter((token, i) => {
    const next = tokens.slice(i).find((one) => !('number' in one && /^0+$/.test(one.number)))
    return !('number' in token && /^0+$/.test(token.number) && (!next || 'word' in next))
  })
}

/** From oldest to newest: a pre-release word, nothing, another word, a number. */
const rank = (token: Token | undefined): number =>
  token === undefined ? 1 : 'number' in token ? 3 : token.isEarlier ? 0 : 2

/** Dotted versions with letters in them: 1.1.1 < 1.1.1w < 1.1.10, 2.0-rc1 < 2.0. Missing fields count as 0. */
export function compareDotted(a: string, b: string): number {
  const [as, bs] = [dottedTokens(a), dottedTokens(b)]
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const [x, y] = [as[i], bs[i]]
    const order = rank(x) - rank(y)
    if (order !== 0) return order
    if (!x || !y) return 0
    const within =
      'number' in x && 'number' in y
        ? compareNumbers(x.number, y.number)
        : 'word' in x && 'word' in y
          ? compareText(x.word, y.word)
          : 0
    if (within !== 0) return within
  }
  return 0
}

/** Signs of a placeholder that was not filled in, or of characters that were removed. */
const UNFILLED = /[\ufffd${}%<>]/
/** Needs two letters, because a date may end with one (`20260501b`). */
const isCommit = (text: string): boolean =>
  /^[0-9a-f]{7,40}$/i.test(text) && /[a-f]\d{0,40}[a-f]/i.test(text)

/**
 * Whether `compareDotted` can put this version before or after the others of its product: it has a number that is not 0, and is
 * neither the hash of a commit nor a placeholder.
 */
export const isOrderable = (version: string): boolean =>
  /[1-9]/.test(version) && !UNFILLED.test(version) && !isCommit(version.trim())

/** ProductVersion of Windows Installer: only the first three fields count (learn.microsoft.com/windows/win32/msi/productversion). */
export function compareMsi(a: string, b: string): number {
  const fields = (text: string): string[] => text.trim().split('.').slice(0, 3)
  const [as, bs] = [fields(a), fields(b)]
  for (let i = 0; i < 3; i++) {
    const order = compareNumbers(/^\d*/.exec(as[i] ?? '')![0], /^\d*/.exec(bs[i] ?? '')![0])
    if (order !== 0) return order
  }
  return 0
}
