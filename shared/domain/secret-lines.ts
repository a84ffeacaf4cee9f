/** Lines of installer arguments without their secrets, and edited lines with the secrets put back. Pure, linear. */
import { isBlank } from './raw-words.ts'
import type { SecretArgument } from './secret-arguments.ts'
import { SECRET_MASK } from './secret-mask.ts'

/** The line as everybody may see it. */
export function maskSecrets(line: string, secrets: readonly SecretArgument[]): string {
  let masked = ''
  let at = 0
  for (const { start, end } of secrets) {
    masked += line.slice(at, start) + SECRET_MASK
    at = end
  }
  return masked + line.slice(at)
}

/** What the places of masks in a line are called, so that they are found again in an edited one. */
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
 * An edited line with the secrets put back where their masks stand.
 * @param stored the line before, with its secrets in clear
 * @returns the line and where in it the restored secrets lie, or null when a mask stands for nothing that is known
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

/** Whether every restored secret stays one. */
export const staysSecret = (
  restored: readonly { start: number; end: number }[],
  secrets: readonly SecretArgument[],
): boolean =>
  restored.every(({ start, end }) => secrets.some((one) => one.start <= start && end <= one.end))

/** What the arguments with secrets are called, for people and for marking them again. */
export const secretNames = (secrets: readonly SecretArgument[]): string[] => [
  ...new Set(secrets.map(({ name }) => name ?? SECRET_MASK)),
]
