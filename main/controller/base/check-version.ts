/** Prevents a write based on an old version from overwriting somebody else's newer change. */
import { AppError } from '#shared/contract/errors.ts'

/**
 * Call it inside the transaction that writes.
 * @param based the version that the caller has seen; undefined: unknown, so the write succeeds
 * @param what in the message: a name, what is changed under no name, or a PC's current name
 * @param view the current state, sent along with the refusal
 * @throws AppError E_CONFLICT
 */
export function checkVersion(
  based: number | undefined,
  present: number,
  what: 'group' | 'settings' | { name: string } | { pcNamed: string },
  view: () => unknown,
): void {
  if (based === undefined || based === present) return
  const options = { current: view() }
  if (typeof what === 'string') throw AppError.of(`${what}_outdated`, {}, [], options)
  throw 'pcNamed' in what
    ? AppError.of('device_renamed', { name: what.pcNamed }, [], options)
    : AppError.of('outdated', { what: what.name }, [], options)
}
