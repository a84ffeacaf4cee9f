/** Keeps damaged files for later analysis, in `set-aside` of the state folder; only the newest ones. */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { renameDurably } from './atomic-file.ts'

const FOLDER = 'set-aside'
/** Copies kept, whatever their names. */
const KEPT = 10

let count = 0
/** Sorts by age, even within a millisecond. */
const stamp = (): string =>
  `${new Date().toISOString().replace(/[-:.]/g, '')}-${String(count++).padStart(6, '0')}`

/**
 * Moves the file or folder at `path` into `set-aside` next to it. @param options.isCopy leaves the original
 * where it is @returns its new path; throws file system errors
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
