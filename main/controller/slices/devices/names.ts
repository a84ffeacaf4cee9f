/** A PC's name when it reports a new one. Pure. */
import type { DeviceRow } from './devices.repo.ts'

type Named = Pick<DeviceRow, 'name' | 'reported_name' | 'name_given' | 'split_from'>

/**
 * The name follows the PC's own unless a user has given it one here.
 * @returns the changed fields; null: none
 */
export function nameAfter(
  row: Named,
  reported: string,
): { name: string; reported_name: string } | null {
  if (row.reported_name === reported) return null
  // An earlier version numbered clones and did not store the names that they reported.
  const isNumbered =
    row.reported_name === null &&
    row.split_from !== null &&
    row.name.startsWith(`${reported.slice(0, 190)} (`)
  return { name: row.name_given || isNumbered ? row.name : reported, reported_name: reported }
}
