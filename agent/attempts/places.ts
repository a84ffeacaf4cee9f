/** Where an attempt lives on disk: what is known of it, and apart from that what its installer may delete. */
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { AttemptId } from '#shared/domain/ids.ts'
import { removeExtracted } from '../archive/extract.ts'
import { isOwn, type StateFolder } from '../identity/state-folder.ts'
import { openForReading } from '../lib/windows-helper.ts'
import { readSpec } from '../supervisor/files.ts'

export type AttemptPlaces = {
  /** Spec, claim, exit and output (supervisor/files.ts), and nothing an installer is told about. */
  records: string
  /** The attempt's folder in the work area. Private. */
  outer: string
  /**
   * The package, what is extracted of it, and where the installer runs. One level down, so that an installer that also
   * deletes the parent of its folder stays within its own attempt.
   */
  work: string
  /** For the installer's temporary files: private, and beside what it may delete. */
  temporary: string
}

type Folders = Pick<StateFolder, 'attemptsDir' | 'workDir'>

/** Agents before 0.2 kept package and records in one folder. An attempt that began there ends there. */
function isOneFolder(records: string): boolean {
  const cwd = readSpec(records)?.cwd
  return cwd !== undefined && (cwd === records || cwd.startsWith(records + sep))
}

export function placesOfAttempt(folders: Folders, id: AttemptId): AttemptPlaces {
  const records = join(folders.attemptsDir, id)
  const outer = join(folders.workDir, id)
  const work = isOneFolder(records) ? records : join(outer, 'p')
  return { records, outer, work, temporary: join(work === records ? records : outer, 't') }
}

/** @throws Error when something else lies there: what is fetched into it will be run */
function makeOwnFolder(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (!lstatSync(path).isDirectory() || !isOwn(path))
    throw new Error(`${path} is not a folder of the agent's own`)
  // The mode given to mkdir is subject to the umask of the service.
  chmodSync(path, mode)
}

/** Makes what is missing of them. @throws Error when a folder is a link, or another user's */
export function makePlaces({ records, outer, work, temporary }: AttemptPlaces): void {
  makeOwnFolder(records, 0o700)
  if (work === records) return makeOwnFolder(temporary, 0o700)
  makeOwnFolder(outer, 0o700)
  makeOwnFolder(temporary, 0o700)
  // What an installer copies out of it is for everyone; nobody else reaches it, because of the folder above.
  makeOwnFolder(work, 0o755)
  openForReading(work)
}

/** The package and what was extracted of it. @throws what the file system says, when a program of the attempt still runs there */
export async function clearWork(
  { records, outer, work }: AttemptPlaces,
  packageName: string,
): Promise<void> {
  if (work !== records) return rmSync(outer, { recursive: true, force: true, maxRetries: 3 })
  rmSync(join(work, packageName), { force: true })
  await removeExtracted(work)
}

/** Everything of an attempt that is over. What cannot be removed now, the next start tidies away. */
export function removePlaces({ attemptsDir, workDir }: Folders, id: AttemptId): void {
  for (const dir of [attemptsDir, workDir])
    try {
      rmSync(join(dir, id), { recursive: true, force: true })
    } catch {
      // Windows: a program that was left behind has its folder there.
    }
}
