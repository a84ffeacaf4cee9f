/**
 * Restores a controller from its recovery file. First everything is unpacked and verified beside
 * the data folder's own files; then, while nothing else uses the folder, it replaces them. A crash
 * leaves either the old state or the new one.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '#shared/contract/errors.ts'
import { forgetSecrets, hasUsers, isOfNewerVersion } from '../../store/snapshot.ts'
import { renameDurably, syncFolder, writeDurably } from '../../../lib/durable-file.ts'
import { MARK_FILE } from '../../store/mark-file.ts'
import { keysFolder } from './key-files.ts'
import { unpackRecoveryFile } from './recovery-file.ts'
import { unsealRecoveryKey } from './recovery-key.ts'
import { makeSuccessor } from './successor.ts'

const DATABASE = 'deployx.db'
const stagingFolder = (dataDir: string): string => join(dataDir, 'restore.next')
/** Written last: a folder without it is not used. */
const WHOLE = 'restored.json'

export const Restored = z.object({
  /** When the recovery file was saved, and by which version. */
  saved_at: z.string(),
  version: z.string(),
  revoked: z.boolean(),
})
export type Restored = z.infer<typeof Restored>

/** @throws AppError E_SETUP_DONE if the folder already belongs to a controller */
export function checkRestorable(dataDir: string): void {
  if (hasUsers(join(dataDir, DATABASE)))
    throw new AppError(
      'E_SETUP_DONE',
      'This controller is already in use. A recovery file can be restored only into an empty data folder.',
    )
}

/**
 * Unpacks and verifies; `applyRestore` does the rest at the next start.
 * @param revoke the old computer may be in the wrong hands: all keys are replaced, agents follow
 * the new ones and refuse the old ones, all sessions end
 * @throws AppError E_RECOVERY_FILE, E_PASSPHRASE, E_SETUP_DONE
 */
export async function stageRestore(options: {
  file: string
  passphrase: string
  dataDir: string
  migrationsDir: string
  revoke: boolean
  /** ISO time. */
  at: string
}): Promise<Restored> {
  const { file, passphrase, dataDir, migrationsDir, revoke, at } = options
  checkRestorable(dataDir)
  const folder = stagingFolder(dataDir)
  const keys = join(folder, 'keys')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    const manifest = await unpackRecoveryFile({ file, into: folder, passphrase })
    // The next start would put it in place and then refuse it, as would every start after that.
    if (isOfNewerVersion(join(folder, DATABASE), migrationsDir))
      throw new AppError(
        'E_RECOVERY_FILE',
        `This recovery file was saved by DeployX ${manifest.version}, which is newer than this one. Install that version here, then restore the file.`,
      )
    if (revoke) {
      const next = join(folder, 'keys.next')
      const recovery = await unsealRecoveryKey(keys, passphrase)
      // In plain text like the other unpacked files: the start that restores them seals them all.
      const renew = { tls: true, command: true }
      await makeSuccessor({ keys, next, renew, recovery, vault: null, at })
      rmSync(keys, { recursive: true, force: true })
      renameDurably(next, keys)
      forgetSecrets(join(folder, DATABASE), at)
    }
    const { saved_at, version } = manifest
    const restored: Restored = { saved_at, version, revoked: revoke }
    // Sync the unpacked names before writing the file that marks them as complete.
    for (const made of [keys, folder]) syncFolder(made)
    writeDurably(join(folder, WHOLE), JSON.stringify(restored))
    return restored
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/**
 * Puts the unpacked files in place and keeps the previous ones beside them. Call it while nothing
 * uses the folder.
 */
export function applyRestore(dataDir: string): Restored | null {
  const folder = stagingFolder(dataDir)
  if (!existsSync(join(folder, WHOLE))) return null
  const restored = Restored.parse(JSON.parse(readFileSync(join(folder, WHOLE), 'utf8')))
  const aside = `.before-restore-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
  const replace = (from: string, to: string, companions: readonly string[] = []): void => {
    if (!existsSync(from)) return // a crash came after this step
    for (const path of [to, ...companions]) if (existsSync(path)) renameDurably(path, path + aside)
    renameDurably(from, to)
  }
  const database = join(dataDir, DATABASE)
  replace(join(folder, 'keys'), keysFolder(dataDir))
  replace(join(folder, DATABASE), database, [
    `${database}-wal`,
    `${database}-shm`,
    join(dataDir, MARK_FILE),
  ])
  rmSync(folder, { recursive: true, force: true })
  return restored
}
