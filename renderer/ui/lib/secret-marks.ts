/** Secret arguments of a command line in a form: which there are, and which others could be marked. Pure. */
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { readWords, rulesOf } from '#shared/domain/raw-words.ts'
import { findSecrets, SECRET_MASK } from '#shared/domain/secret-arguments.ts'
import { secretNames } from '#shared/domain/secret-lines.ts'

/** Limits the suggestions to a short list. */
const OFFERED = 8

const lower = (text: string): string => text.toLowerCase().replace(/^(?:--?|\/)/, '')

/** `●●●` in a saved line stands for a stored secret, and counts as one. */
function namesIn(line: string, marks: readonly string[], platform: DevicePlatform): string[] {
  const parsable = line.replaceAll(SECRET_MASK, STAND_IN)
  const { secrets } = findSecrets(
    parsable,
    [...marks.filter((mark) => mark !== SECRET_MASK)],
    platform,
  )
  return secretNames(secrets)
}
const STAND_IN = '\u{E000}\u{E001}\u{E002}'

/** The secrets in the line; `mark`: the mark that makes it secret, null if its name alone does. */
export function secretsIn(
  line: string,
  marks: readonly string[],
  platform: DevicePlatform,
): { label: string; mark: string | null }[] {
  const automatic = new Set(namesIn(line, [], platform))
  const named = namesIn(line, marks, platform).filter((name) => name !== SECRET_MASK)
  const byName = named.map((label) => ({
    label,
    mark: automatic.has(label)
      ? null
      : (marks.find((mark) => lower(mark) === lower(label)) ?? null),
  }))
  // Values marked directly; stored ones are ●●●.
  const names = new Set(named.map(lower))
  const byValue = marks
    .filter((mark) => !names.has(lower(mark)) && line.includes(mark))
    .map((mark) => ({ label: mark, mark }))
  return [...byName, ...byValue]
}

/** Marks that still match something in the line; removed arguments lose theirs. */
export const presentMarks = (
  line: string,
  marks: readonly string[],
  platform: DevicePlatform,
): string[] =>
  secretsIn(line, marks, platform).flatMap(({ label, mark }) =>
    mark === null ? (marks.includes(label) ? [label] : []) : [mark],
  )

/** Arguments that are not secret but could be marked: `NAME=value` by its name, others by their value. */
export function markableArguments(
  line: string,
  marks: readonly string[],
  platform: DevicePlatform,
): { label: string; mark: string }[] {
  const reading = rulesOf(platform)
    .map((rule) => readWords(line, rule))
    .find(({ isOpen }) => !isOpen)
  if (!reading) return []
  const { words } = reading
  const taken = new Set(secretsIn(line, marks, platform).map(({ label }) => lower(label)))
  const found = new Map<string, string>()
  words.forEach(({ text }, i) => {
    if (text.includes(SECRET_MASK)) return
    const name = /^((?:--?|\/)?[\p{L}\p{N}_.-]+)[=:]./u.exec(text)?.[1]
    const isValue = !/^[-/]/.test(text)
    const previous = words[i - 1]?.text ?? ''
    if (name !== undefined) found.set(name, name)
    else if (isValue && /^--?[\p{L}]/u.test(previous)) found.set(previous, previous)
    else if (isValue) found.set(text, text)
  })
  return [...found.keys()]
    .filter((mark) => !taken.has(lower(mark)))
    .slice(0, OFFERED)
    .map((mark) => ({ label: mark, mark }))
}
