/** The folder that everything the controller keeps lies in. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '#shared/contract/errors.ts'
import { closeDataFolder } from './private-folder.ts'

/**
 * Makes the folder and what is missing above it, closes it to other users, and proves that it can be written. Only the
 * present user may read what is made.
 * @throws AppError E_DATA_OWNER; E_DATA_UNWRITABLE, also where Node's own recursive mkdir would try for ever (below Linux's /proc)
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

/** One folder after the other, each tried once. */
function makeMissing(folder: string): void {
  const missing: string[] = []
  let at = folder
  // A file on the way, or a folder that may not be looked into, throws here.
  while (!statSync(at, { throwIfNoEntry: false })) {
    missing.push(at)
    const parent = dirname(at)
    if (parent === at) break // a drive that is not there: making it says so
    at = parent
  }
  for (const next of missing.reverse()) makeOne(next)
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another start may have made it in between.
    const isThere = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false
    if (!isThere) throw error
  }
}
