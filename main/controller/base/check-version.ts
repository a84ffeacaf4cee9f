/** Prevents a write based on an old version from overwriting somebody else's newer change. */
import { AppError } from '#shared/contract/errors.ts'

/**
 * Call it inside the transaction that writes.
 * @param based the version that the caller has seen; undefined: unknown, so the write succeeds
 * @param what in the message: a name, or what is changed under no name
 * @param view the current state, sent along with the refusal
 * @throws AppError E_CONFLICT
 */
export function checkVersion(
  based: number | undefined,
  present: number,
  what: 'group' | 'settings' | { name: string },
  view: () => unknown,
): void {
  if (based === undefined || based === present) return
  const options = { current: view() }
  throw typeof what === 'string'
    ? AppError.of(`${what}_outdated`, {}, [], options)
    : AppError.of('outdated', { what: what.name }, [], options)
}
