/** Rules for passwords, and generated passwords. */
import type { Random } from '#shared/node/random.ts'
import { AppError } from '#shared/contract/errors.ts'
import { passwordProblem } from '#shared/domain/passwords.ts'

/** Without letters and digits that are easily confused when read out or copied by hand. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'
/** Four groups of four: 79 bits, easy to dictate. */
export const generatedPassword = (random: Pick<Random, 'below'>): string =>
  Array.from({ length: 4 }, () =>
    Array.from({ length: 4 }, () => LETTERS[random.below(LETTERS.length)]).join(''),
  ).join('-')

/** @throws AppError E_VALIDATION */
export function checkPassword(password: string, username: string, path: string): void {
  const problem = passwordProblem(password, username)
  if (problem)
    throw new AppError('E_VALIDATION', `The password ${problem}.`, [{ path, message: problem }])
}
