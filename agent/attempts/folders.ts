/** Where an attempt is stored: its records, and separately the files that its installer may delete. */
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { AttemptId } from '#shared/domain/ids.ts'
import { removeExtracted } from '../archive/extract.ts'
import { isOwn, type StateFolder } from '../identity/state-folder.ts'
import { openForReading } from '../lib/windows-helper.ts'
import { readSpec } from '../supervisor/files.ts'

export type AttemptFolders = {
  /** Spec, claim, exit and output (supervisor/files.ts); the installer is not given this path. */
  records: string
  /** The attempt's folder in the work area. Private. */
  outer: string
  /**
   * The package, its extracted files, and the installer's working folder. One level down, so that an
   * installer that also deletes the parent of its folder stays within its own attempt.
   */
  work: string
  /** For the installer's temporary files: private, and outside the folder that it may delete. */
  temporary: string
}

type Folders = Pick<StateFolder, 'attemptsDir' | 'workDir'>

/** Agents before 0.2 kept package and records in one folder. An attempt that began there stays there. */
function isOneFolder(records: string): boolean {
  const cwd = readSpec(records)?.cwd
  return cwd !== undefined && (cwd === records || cwd.startsWith(records + sep))
}

export function foldersOfAttempt(folders: Folders, id: AttemptId): AttemptFolders {
  const records = join(folders.attemptsDir, id)
  const outer = join(folders.workDir, id)
  const work = isOneFolder(records) ? records : join(outer, 'p')
  return { records, outer, work, temporary: join(work === records ? records : outer, 't') }
}

/** @throws Error if the path is not a folder of this user: downloaded files in it will be run */
function makeOwnFolder(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (!lstatSync(path).isDirectory() || !isOwn(path))
    throw new Error(`${path} is not a folder, or belongs to another user`)
  // The mode passed to mkdir is subject to the umask of the service.
  chmodSync(path, mode)
}

/** Creates the missing ones. @throws Error if a folder is a link, or belongs to another user */
export function makeFolders({ records, outer, work, temporary }: AttemptFolders): void {
  makeOwnFolder(records, 0o700)
  if (work === records) return makeOwnFolder(temporary, 0o700)
  makeOwnFolder(outer, 0o700)
  makeOwnFolder(temporary, 0o700)
  // Installers copy these files, with their permissions, to places that all users read. The private parent
  // folder keeps other users out of this one.
  makeOwnFolder(work, 0o755)
  openForReading(work)
}

/**
 * Removes the package and the extracted files. @throws file system errors, if a program of the attempt is
 * still running there
 */
export async function clearWork(
  { records, outer, work }: AttemptFolders,
  packageName: string,
): Promise<void> {
  if (work !== records) return rmSync(outer, { recursive: true, force: true, maxRetries: 3 })
  rmSync(join(work, packageName), { force: true })
  await removeExtracted(work)
}

/** Removes everything of an ended attempt. What cannot be removed now is removed at the next start. */
export function removeFolders({ attemptsDir, workDir }: Folders, id: AttemptId): void {
  for (const dir of [attemptsDir, workDir])
    try {
      rmSync(join(dir, id), { recursive: true, force: true })
    } catch {
      // Windows: a left-behind program has its working folder there.
    }
}
