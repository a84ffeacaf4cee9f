/**
 * Files in the content store that the database does not name. The database may be wrong (restored,
 * replaced, or without its latest changes), so they are moved to `DIR/content.aside/DATE` and kept
 * for 30 days. A database created after such a file cannot know whether it was needed, and
 * never removes it. Folders keep their age when the clock is set, and one whose time cannot be right
 * starts its 30 days again.
 */
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolderDurably, renameDurably } from '../../../lib/durable-file.ts'
import { isoTime, type Now } from '../../base/context.ts'

export const ASIDE_FOLDER = 'content.aside'
const KEPT_MS = 30 * 24 * 3_600_000

export function createAside(deps: {
  dataDir: string
  now: Now
  /** ISO time when the database was created. */
  databaseCreatedAt: () => string
}) {
  const root = join(deps.dataDir, ASIDE_FOLDER)

  /** The time in a folder's name; NaN if it is not one of ours. */
  const timeOf = (name: string): number =>
    Date.parse(name.replace(/T(\d\d)-(\d\d)-(\d\d)-(\d{3}Z)$/, 'T$1:$2:$3.$4'))

  const folderFor = (ms: number): string => join(root, isoTime(ms).replaceAll(/[:.]/g, '-'))

  function setTime(name: string, ms: number): void {
    // Another folder may have this time already.
    for (let at = ms; ; at++)
      if (!existsSync(folderFor(at))) return renameDurably(join(root, name), folderFor(at))
  }

  /** In the future, or before a file in it was stored: the clock was wrong then or is wrong now. */
  function isImpossible(name: string): boolean {
    const atMs = timeOf(name)
    return (
      atMs > deps.now() ||
      readdirSync(join(root, name)).some((file) => {
        const storedMs = Math.floor(statSync(join(root, name, file)).mtimeMs)
        return atMs < storedMs && storedMs <= deps.now()
      })
    )
  }

  const folders = (): string[] =>
    existsSync(root) ? readdirSync(root).filter((name) => !Number.isNaN(timeOf(name))) : []

  function removeOldIn(folder: string, createdMs: number): number {
    let removed = 0
    for (const name of readdirSync(folder)) {
      const file = join(folder, name)
      const stat = statSync(file)
      if (!stat.isFile() || stat.mtimeMs <= createdMs) continue
      rmSync(file, { force: true })
      removed++
    }
    if (readdirSync(folder).length === 0) rmdirSync(folder)
    return removed
  }

  return {
    /** Moves these files aside together. @returns their new folder */
    set(files: readonly { path: string; name: string }[]): string {
      const folder = folderFor(deps.now())
      makeFolderDurably(root)
      makeFolderDurably(folder)
      for (const { path, name } of files) renameDurably(path, join(folder, name))
      return folder
    },

    /**
     * The clock was set: folders keep their age. Never throws, because another attempt would move the others twice; a folder
     * that cannot be renamed keeps its time.
     */
    moveTimes: (byMs: number): void => {
      for (const name of folders())
        try {
          setTime(name, Math.min(timeOf(name) + byMs, deps.now()))
        } catch {
          // Open in another program, for example.
        }
    },

    /**
     * Removes files that were moved aside more than 30 days ago, if the database is older than they
     * are. @returns how many
     */
    removeOld(): number {
      const createdMs = Date.parse(deps.databaseCreatedAt())
      for (const name of folders()) if (isImpossible(name)) setTime(name, deps.now())
      return folders()
        .filter((name) => deps.now() - timeOf(name) >= KEPT_MS)
        .reduce((removed, name) => removed + removeOldIn(join(root, name), createdMs), 0)
    },
  }
}
