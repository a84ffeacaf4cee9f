/** Masks the secrets in lines of installer arguments, and restores them in edited lines. Pure, linear. */
import { isBlank } from './raw-words.ts'
import type { SecretArgument } from './secret-arguments.ts'
import { SECRET_MASK } from './secret-mask.ts'

/** The line with its secrets masked. */
export function maskSecrets(line: string, secrets: readonly SecretArgument[]): string {
  let masked = ''
  let at = 0
  for (const { start, end } of secrets) {
    masked += line.slice(at, start) + SECRET_MASK
    at = end
  }
  return masked + line.slice(at)
}

/** The masks in a line with a label, by which they are found again in an edited line. */
function maskPlaces(line: string): { at: number; label: string }[] {
  const places: { at: number; label: string }[] = []
  let previous = ''
  let begin = 0
  const own = (from: number, to: number): string =>
    line
      .slice(from, to)
      .replaceAll(/["'\\]/g, '')
      .toLowerCase()
  for (let i = 0; i < line.length; i++) {
    if (isBlank(line[i])) {
      if (i > begin) previous = own(begin, i)
      begin = i + 1
    } else if (line.startsWith(SECRET_MASK, i)) {
      const label = own(begin, i)
      places.push({ at: i, label: label === '' ? ` ${previous}` : label })
      i += SECRET_MASK.length - 1
      begin = i + 1
    }
  }
  return places
}

/**
 * An edited line with its masks replaced by the secrets.
 * @param stored the line before, with its secrets in clear
 * @returns the line and the positions of the restored secrets, or null if a mask matches no secret
 */
export function restoreSecrets(
  edited: string,
  stored: string,
  secrets: readonly SecretArgument[],
): { line: string; restored: { start: number; end: number }[] } | null {
  const masks = maskPlaces(edited)
  const known = maskPlaces(maskSecrets(stored, secrets)).map(({ label }, i) => ({
    label,
    secret: secrets[i],
    isTaken: false,
  }))
  const chosen = masks.map(({ label }) => {
    const same = known.find((one) => !one.isTaken && one.label === label)
    if (same) same.isTaken = true
    return same
  })
  const left = known.filter(({ isTaken }) => !isTaken)
  const missing = chosen.filter((one) => one === undefined).length
  if (missing > 0 && missing !== left.length) return null
  let line = ''
  let at = 0
  const restored: { start: number; end: number }[] = []
  masks.forEach((mask, i) => {
    const secret = (chosen[i] ?? left.shift())?.secret
    if (!secret) return
    line += edited.slice(at, mask.at)
    const start = line.length
    line += stored.slice(secret.start, secret.end)
    restored.push({ start, end: line.length })
    at = mask.at + SECRET_MASK.length
  })
  return { line: line + edited.slice(at), restored }
}

/** Whether every restored secret is still secret. */
export const staysSecret = (
  restored: readonly { start: number; end: number }[],
  secrets: readonly SecretArgument[],
): boolean =>
  restored.every(({ start, end }) => secrets.some((one) => one.start <= start && end <= one.end))

/** Names of the arguments with secrets, for display and for marking them again. */
export const secretNames = (secrets: readonly SecretArgument[]): string[] => [
  ...new Set(secrets.map(({ name }) => name ?? SECRET_MASK)),
]
