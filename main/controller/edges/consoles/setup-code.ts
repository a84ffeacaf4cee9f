/** The one-time code for the first account, needed when other people also use the controller's computer. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '#shared/contract/errors.ts'

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

export type SetupCode = {
  isNeeded: boolean
  /** @throws AppError E_SETUP_CODE */
  check: (given: string | undefined) => void
}

/** @param code null: none is needed. Attempts are limited like those of passwords (server.ts). */
export function createSetupCode(code: string | null): SetupCode {
  const expected = code === null ? null : hashOf(code)
  return {
    isNeeded: expected !== null,
    check(given) {
      // Both sides have the same length, so the time reveals nothing.
      if (expected === null || timingSafeEqual(hashOf((given ?? '').trim()), expected)) return
      throw new AppError(
        'E_SETUP_CODE',
        given === undefined
          ? 'The first account needs the setup code that this controller printed or keeps in its window.'
          : 'This is not the setup code of this start of the controller.',
      )
    },
  }
}
