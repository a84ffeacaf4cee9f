/** Converts arguments with secrets from the form that a user sends to the form that is stored. */
import { AppError } from '#shared/contract/errors.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { findSecrets, SECRET_MASK } from '#shared/domain/secret-arguments.ts'
import { restoreSecrets, staysSecret } from '#shared/domain/secret-lines.ts'
import type { ArgumentColumns, SealedArguments } from '../../base/sealed-arguments.ts'
import type { InstallerRow } from './software.repo.ts'

const LINE_LIMIT = 4096

/** The problem, and the field it is in. */
export class SecretProblem extends Error {
  readonly field: 'install_args' | `secret_args/${number}` | 'secret_args'
  constructor(field: SecretProblem['field'], message: string) {
    super(message)
    this.field = field
  }
}

/** @param place prefix of the field's path, as in `/custom_software/0` */
export const asAppError = ({ field, message }: SecretProblem, place = ''): AppError =>
  new AppError('E_VALIDATION', `The installer's arguments: ${message}.`, [
    { path: `${place}/${field}`, message },
  ])

const UNKNOWN_MASK = `${SECRET_MASK} stands for a value that is not known here; enter the value`

/** New arguments, in clear text and as stored. @throws SecretProblem */
export function newArguments(
  sealed: SealedArguments,
  line: string,
  marks: readonly string[],
  platform: DevicePlatform,
): { line: string; columns: ArgumentColumns } {
  if (line.includes(SECRET_MASK)) throw new SecretProblem('install_args', UNKNOWN_MASK)
  const { secrets, unmatched } = findSecrets(line, marks, platform)
  const wrong = marks.findIndex((mark) => unmatched.includes(mark.trim()))
  if (wrong >= 0)
    throw new SecretProblem(`secret_args/${wrong}`, 'no argument has this name or value')
  return { line, columns: sealed.columns(line, [...marks], secrets) }
}

type Change = {
  install_args?: string | undefined
  secret_args?: string[] | undefined
  platform?: DevicePlatform | undefined
}

/**
 * Corrected arguments. Parts sent back as ●●● keep their value and stay secret.
 * @returns null when the change does not affect them
 * @throws SecretProblem
 */
export function changedArguments(
  sealed: SealedArguments,
  before: InstallerRow,
  change: Change,
): { line: string; columns: ArgumentColumns } | null {
  const { install_args: edited = before.install_args, secret_args } = change
  const platform = change.platform ?? before.platform
  if (edited === before.install_args && platform === before.platform && secret_args === undefined)
    return null
  if (!edited.includes(SECRET_MASK) && !secret_args?.includes(SECRET_MASK))
    return withMarks(sealed, edited, secret_args, before, platform)

  const stored = sealed.open(before)
  const { secrets } = sealed.secretsOf(before)
  const restored = stored && restoreSecrets(edited, stored.line, secrets)
  if (!restored || secrets.length === 0) throw new SecretProblem('install_args', UNKNOWN_MASK)
  if (restored.line.length > LINE_LIMIT)
    throw new SecretProblem(
      'install_args',
      `with its secrets it is longer than ${LINE_LIMIT} characters`,
    )
  const unnamed = secrets.filter(({ name }) => name === null).map(({ values }) => values[0] ?? '')
  const marks = secret_args?.flatMap((mark) => (mark === SECRET_MASK ? unnamed : [mark]))
  const result = withMarks(sealed, restored.line, marks, before, platform)
  const after = findSecrets(restored.line, result.marks, platform).secrets
  if (!staysSecret(restored.restored, after))
    throw new SecretProblem(
      secret_args === undefined ? 'install_args' : 'secret_args',
      `the value shown as ${SECRET_MASK} would no longer be secret; keep it marked, or enter the value again`,
    )
  return result
}

/** @param marks undefined: the previous ones, as far as they still match something */
function withMarks(
  sealed: SealedArguments,
  line: string,
  marks: string[] | undefined,
  before: InstallerRow,
  platform: DevicePlatform,
): ReturnType<typeof newArguments> & { marks: string[] } {
  if (marks) return { ...newArguments(sealed, line, marks, platform), marks }
  const kept = sealed.open(before)?.marks ?? []
  const { unmatched } = findSecrets(line, kept, platform)
  const stillMatched = kept.filter((mark) => !unmatched.includes(mark.trim()))
  return { ...newArguments(sealed, line, stillMatched, platform), marks: stillMatched }
}
