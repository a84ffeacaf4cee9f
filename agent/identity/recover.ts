/** A lost identity is not replaced unless a person enrols this PC again. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Clock } from '#shared/node/clock.ts'
import { openDamage } from '../journal/damage.ts'
import { AgentFailure } from '../lib/failure.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { setAside } from '../lib/set-aside.ts'
import { openIdentity, peekIdentity, type Identity } from './identity.ts'
import type { StateFolder } from './state-folder.ts'

type Loss = 'missing' | 'unreadable'

/** What is wrong with the identity; null: nothing, or this folder never had one. */
export function identityLoss(folder: StateFolder): Loss | null {
  const { identityFile, journalFile, restartsFile } = folder
  if (!existsSync(identityFile))
    return existsSync(journalFile) || existsSync(restartsFile) ? 'missing' : null
  try {
    peekIdentity(identityFile)
    return null
  } catch (error) {
    if (error instanceof AgentFailure) return 'unreadable'
    throw error
  }
}

/**
 * If the identity was lost and a person enrols this PC again, sets aside what belongs to the former device.
 * Call it before anything in the folder is opened. @param isEnrolling whether a code, or an approval, will
 * make it a device @throws AgentFailure if nobody enrols it
 */
export function settleIdentityLoss(
  folder: StateFolder,
  isEnrolling: boolean,
  deps: { log: Log; clock: Clock },
): void {
  const loss = identityLoss(folder)
  if (loss === null) return
  const { identityFile, journalFile, restartsFile, updateFile, inventoryFile, attemptsDir } = folder
  if (!isEnrolling)
    throw new AgentFailure(
      `The identity of this agent, ${identityFile}, ${loss === 'missing' ? 'is missing' : 'cannot be read'}. Nothing was changed. Restore the file, or enrol this PC again with --code CODE; the remaining files of the former device are then moved aside.`,
    )
  try {
    openDamage(folder.path, deps).note(identityFile, loss)
    for (const file of [identityFile, journalFile, restartsFile, updateFile, inventoryFile])
      if (existsSync(file)) setAside(file)
    // An installer that is still running writes its end there, and nobody waits for it.
    if (readdirSync(attemptsDir).length > 0) setAside(attemptsDir)
    mkdirSync(join(folder.path, basename(attemptsDir)), { recursive: true, mode: 0o700 })
  } catch (error) {
    if (error instanceof AgentFailure) throw error
    throw new AgentFailure(
      `${folder.path} cannot be prepared for a new device: ${errorText(error)}`,
    )
  }
}

/**
 * The identity in this folder, created if there never was one. @throws AgentFailure when it was lost and
 * nobody enrols it again
 */
export function openOwnIdentity(
  folder: StateFolder,
  isEnrolling: boolean,
  deps: { log: Log; clock: Clock },
): Identity {
  settleIdentityLoss(folder, isEnrolling, deps)
  return openIdentity(folder.identityFile)
}
