/**
 * Closes a data folder that a user or an earlier version created: 0700 for folders, 0600 for files.
 * Anything that belongs to another user is refused: its owner could read it, replace it, or hold
 * the lock.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, readdirSync, statSync, type Stats } from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError } from '#shared/contract/errors.ts'

const OTHERS = 0o077
const MAX_DEPTH = 6
const ICACLS_LIMIT_MS = 10_000

export type LooseEntry = { path: string; why: 'open' | 'foreign' }

const refused = (path: string, why: string): AppError =>
  new AppError(
    'E_DATA_OWNER',
    `${path} ${why}, so other users of this computer could read or replace what DeployX stores there. Give it to this user, remove it, or choose another folder with --data.`,
  )

/** Null if it is gone by now, or a link: DeployX must not change link targets. */
function look(path: string): Stats | null {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat && !stat.isSymbolicLink() ? stat : null
}

/**
 * What in the folder is open to others, or theirs. Subfolders are checked only if an entry above is
 * loose: a closed folder cannot be entered, whatever the modes in it.
 * @param uid of this process; undefined (Windows): unknown, so nothing is found
 */
export function findLoose(dataDir: string, uid = process.geteuid?.()): LooseEntry[] {
  if (uid === undefined) return []
  const loose: LooseEntry[] = []
  // If the administrator uses a link, its target is the folder that counts.
  const root = statSync(dataDir)
  judge(dataDir, root)
  const isOpen = loose.length > 0
  walk(dataDir, 1)
  return loose

  function judge(path: string, stat: Stats): void {
    if (stat.uid !== uid) loose.push({ path, why: 'foreign' })
    else if ((stat.mode & OTHERS) !== 0) loose.push({ path, why: 'open' })
  }
  function walk(folder: string, depth: number): void {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      const stat = look(path)
      if (!stat) continue
      const before = loose.length
      judge(path, stat)
      if (stat.isDirectory() && stat.uid === uid && depth < MAX_DEPTH)
        if (isOpen || loose.length > before || name === 'keys') walk(path, depth + 1)
    }
  }
}

/** @throws AppError E_DATA_OWNER if something in it belongs to another user, or cannot be closed */
export function closeDataFolder(dataDir: string): void {
  if (process.platform === 'win32') return closeOnWindows(dataDir)
  for (const { path, why } of findLoose(dataDir)) {
    if (why === 'foreign') throw refused(path, 'belongs to another user')
    const mode = statSync(path).mode & 0o700
    try {
      chmodSync(path, mode)
    } catch {
      throw refused(path, 'cannot be closed to others')
    }
    if ((statSync(path).mode & OTHERS) !== 0) throw refused(path, 'cannot be closed to others')
  }
}

/**
 * The arguments of icacls that restrict a folder to its user, the system and administrators; null
 * if the folder inherits exactly that from the user's profile. Uses SIDs, because the names differ
 * by language.
 */
export function aclArguments(
  dataDir: string,
  env: Record<string, string | undefined>,
): string[] | null {
  const folder = resolve(dataDir)
  const profile = env['USERPROFILE']
  if (profile && folder.toLowerCase().startsWith(`${resolve(profile).toLowerCase()}\\`)) return null
  const user = env['USERNAME']
  if (!user) return null
  const name = env['USERDOMAIN'] ? `${env['USERDOMAIN']}\\${user}` : user
  const grants = [name, '*S-1-5-18', '*S-1-5-32-544'].map((who) => `${who}:(OI)(CI)F`)
  return [folder, '/inheritance:r', '/grant:r', ...grants, '/Q']
}

function closeOnWindows(dataDir: string): void {
  const args = aclArguments(dataDir, process.env)
  if (!args) return
  const { status } = spawnSync('icacls', args, { timeout: ICACLS_LIMIT_MS, windowsHide: true })
  if (status !== 0) throw refused(dataDir, 'cannot be closed to others')
}
