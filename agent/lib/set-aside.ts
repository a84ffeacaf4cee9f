/** Damaged files are kept for whoever looks into it, in `set-aside` of the state folder; of many, the newest. */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { renameDurably } from './atomic-file.ts'

const FOLDER = 'set-aside'
/** Copies kept, whatever their names. */
const KEPT = 10

let count = 0
/** Sorts by age, also within a millisecond. */
const stamp = (): string =>
  `${new Date().toISOString().replace(/[-:.]/g, '')}-${String(count++).padStart(6, '0')}`

/**
 * Moves what lies at `path` (a file, or a folder) into `set-aside` beside it.
 * @param options.isCopy leaves the file where it is
 * @returns where it lies now; throws what the file system says
 */
export function setAside(path: string, options: { isCopy?: boolean } = {}): string {
  const folder = join(dirname(path), FOLDER)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // The time comes first, so that names sort by age.
  const kept = readdirSync(folder).sort()
  for (const old of kept.slice(0, Math.max(0, kept.length - KEPT + 1)))
    rmSync(join(folder, old), { recursive: true, force: true })
  const place = join(folder, `${stamp()}-${basename(path)}`)
  if (options.isCopy) copyFileSync(path, place)
  else renameDurably(path, place)
  return place
}
