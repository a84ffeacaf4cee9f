/** The folder that contains all of the controller's data. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '#shared/contract/errors.ts'
import { closeDataFolder } from './private-folder.ts'

/**
 * Creates the folder and its missing parents, closes it to other users, and verifies that it is
 * writable. Only the current user may read what is created.
 * @throws AppError E_DATA_OWNER; E_DATA_UNWRITABLE, also where Node's own recursive mkdir would
 * retry forever (below Linux's /proc)
 */
export function makeDataFolder(dataDir: string): void {
  try {
    makeMissing(resolve(dataDir))
    const probe = join(dataDir, `.write-test-${randomBytes(6).toString('hex')}`)
    // Never through a link that somebody else has put there.
    writeFileSync(probe, '', { flag: 'wx', mode: 0o600 })
    rmSync(probe)
    closeDataFolder(dataDir)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError(
      'E_DATA_UNWRITABLE',
      `The data folder ${dataDir} cannot be written (${(cause as NodeJS.ErrnoException).code ?? 'unknown'}). Choose another with --data or DEPLOYX_DATA, or give this user the right to write there.`,
      [],
      { cause },
    )
  }
}

/** Creates one folder after the other, each tried once. */
function makeMissing(folder: string): void {
  const missing: string[] = []
  let at = folder
  // A file on the way, or an inaccessible folder, throws here.
  while (!statSync(at, { throwIfNoEntry: false })) {
    missing.push(at)
    const parent = dirname(at)
    if (parent === at) break // a missing drive: creating it reports that
    at = parent
  }
  for (const next of missing.reverse()) makeOne(next)
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another start may have created it meanwhile.
    const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false
    if (!isFolder) throw error
  }
}
