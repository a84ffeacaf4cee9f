/**
 * Removes the access of group and others from a data folder that a user or an earlier version
 * created; the owner's permissions stay. Anything that belongs to another user is refused: its owner
 * could read it, replace it, or hold the lock.
 */
import { chmodSync, lstatSync, readdirSync, statSync, type Stats } from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError } from '#shared/contract/errors.ts'
import { restrictFolder, WINDOWS_PROGRAMS } from './windows-folder.ts'

const OTHERS = 0o077
const MAX_DEPTH = 6
const NOT_CLOSED = 'is open to other users, and its permissions cannot be changed'

export type ExposedEntry = { path: string; why: 'open' | 'foreign' }

const refused = (path: string, why: string, cause?: unknown): AppError =>
  new AppError(
    'E_DATA_OWNER',
    `${path} ${why}, so other users of this computer could read or replace what DeployX stores there. Make this user its owner, remove it, or choose another folder with --data.`,
    [],
    { cause },
  )

/**
 * Entries that other users can access or own. A subfolder is checked only if it or the data folder
 * is open, because nothing inside a closed folder can be reached; `keys` is always checked.
 * @param uid of this process; undefined (Windows): unknown, so nothing is found
 */
export function findExposed(dataDir: string, uid = process.geteuid?.()): ExposedEntry[] {
  if (uid === undefined) return []
  const exposed: ExposedEntry[] = []
  // If the administrator uses a link, its target is the folder that counts.
  const root = statSync(dataDir)
  check(dataDir, root)
  const isOpen = exposed.length > 0
  walk(dataDir, 1)
  return exposed

  function check(path: string, stat: Stats): void {
    if (stat.uid !== uid) exposed.push({ path, why: 'foreign' })
    else if ((stat.mode & OTHERS) !== 0) exposed.push({ path, why: 'open' })
  }
  function walk(folder: string, depth: number): void {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      const stat = lstatSync(path, { throwIfNoEntry: false })
      if (!stat) continue // deleted in the meantime
      if (stat.isSymbolicLink()) {
        // DeployX must not change link targets, or write to where another user has chosen.
        if (stat.uid !== uid && stat.uid !== 0) exposed.push({ path, why: 'foreign' })
        continue
      }
      const before = exposed.length
      check(path, stat)
      if (stat.isDirectory() && stat.uid === uid && depth < MAX_DEPTH)
        if (isOpen || exposed.length > before || name === 'keys') walk(path, depth + 1)
    }
  }
}

/** @throws AppError E_DATA_OWNER if an entry belongs to another user, or cannot be closed */
export function closeDataFolder(dataDir: string): void {
  if (process.platform === 'win32') return closeOnWindows(dataDir)
  for (const { path, why } of findExposed(dataDir)) {
    if (why === 'foreign') throw refused(path, 'belongs to another user')
    const mode = statSync(path).mode & 0o700
    try {
      chmodSync(path, mode)
    } catch {
      throw refused(path, NOT_CLOSED)
    }
    if ((statSync(path).mode & OTHERS) !== 0) throw refused(path, NOT_CLOSED)
  }
}

function closeOnWindows(dataDir: string): void {
  try {
    restrictFolder(resolve(dataDir), WINDOWS_PROGRAMS)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw refused(dataDir, `${NOT_CLOSED} (${why})`, cause)
  }
}
