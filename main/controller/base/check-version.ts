/** Prevents a write based on an old version from overwriting somebody else's newer change. */
import { AppError } from '#shared/contract/errors.ts'

/**
 * Call it inside the transaction that writes.
 * @param based the version that the caller has seen; undefined: unknown, so the write succeeds
 * @param what in the message, such as "This group"
 * @param view the current state, sent along with the refusal
 * @throws AppError E_CONFLICT
 */
export function checkVersion(
  based: number | undefined,
  present: number,
  what: string,
  view: () => unknown,
): void {
  if (based === undefined || based === present) return
  throw AppError.of('outdated', { what }, [], { current: view() })
}
