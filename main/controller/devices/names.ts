/** What a PC is called here when it calls itself something else than before. Pure. */
import type { DeviceRow } from './devices.repo.ts'

type Named = Pick<DeviceRow, 'name' | 'reported_name' | 'name_given' | 'split_from'>

/**
 * The name follows the PC's own, unless a person gave it one here.
 * @returns what is different now; null: nothing
 */
export function nameAfter(
  row: Named,
  reported: string,
): { name: string; reported_name: string } | null {
  if (row.reported_name === reported) return null
  // An earlier version numbered copies of a disk and did not remember what they called themselves.
  const isNumbered =
    row.reported_name === null &&
    row.split_from !== null &&
    row.name.startsWith(`${reported.slice(0, 190)} (`)
  return { name: row.name_given || isNumbered ? row.name : reported, reported_name: reported }
}
