/**
 * Completes a split: this PC's disk is a copy, and the controller has made it a separate device. The other
 * PC's work is set aside, never reported and never resumed; then the next key becomes the identity. A power
 * cut may follow any step: the decision is in the identity file, and the next start completes it.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '#shared/node/clock.ts'
import { createJournal } from '../journal/journal.ts'
import { errorText, renameDurably, syncFolder } from '../lib/atomic-file.ts'
import { AgentFailure } from '../lib/failure.ts'
import { isAlive } from '../lib/processes.ts'
import { readSupervisor } from '../supervisor/files.ts'
import { becomeNext, peekIdentity } from './identity.ts'
import type { StateFolder } from './state-folder.ts'

const LOOK_EVERY_MS = 1_000

/** An installer that the copy started before it was recognised as one. It has its own timeout. */
const isAtWork = ({ attemptsDir }: StateFolder): boolean =>
  existsSync(attemptsDir) &&
  readdirSync(attemptsDir).some((name) => {
    const supervisor = readSupervisor(join(attemptsDir, name))
    return supervisor !== null && isAlive(supervisor)
  })

/** Where the other PC's journal and attempts go. */
export const asideFolder = (folder: StateFolder, deviceId: number | 'new'): string =>
  join(folder.path, `before-device-${deviceId}`)

function setAside(folder: StateFolder, deviceId: number | 'new'): void {
  const aside = asideFolder(folder, deviceId)
  mkdirSync(aside, { recursive: true, mode: 0o700 })
  for (const [path, name] of [
    [folder.journalFile, 'journal.log'],
    [folder.attemptsDir, 'attempts'],
  ] as const)
    // What is there already was moved before a power cut.
    if (existsSync(path) && !existsSync(join(aside, name))) renameDurably(path, join(aside, name))
  syncFolder(aside)
  mkdirSync(folder.attemptsDir, { recursive: true, mode: 0o700 })
  // Packages only: they can be downloaded again.
  rmSync(folder.workDir, { recursive: true, force: true })
  mkdirSync(folder.workDir, { mode: 0o700 })
  createJournal(folder.journalFile)
  syncFolder(folder.path)
}

/**
 * Completes an unfinished split; does nothing if none was decided. Call it before the identity or the journal
 * is opened. @param force even if the next key is not enrolled yet, because it is about to be enrolled with a
 * code @throws AgentFailure when the state folder cannot be changed; the signal's reason when it fires while
 * an installer runs
 */
export async function finishSplit(
  folder: StateFolder,
  clock: Pick<Clock, 'sleep'>,
  signal: AbortSignal,
  force = false,
): Promise<void> {
  const { next } = peekIdentity(folder.identityFile)
  if (!next || (!next.enrollment && !force)) return
  while (isAtWork(folder)) {
    await clock.sleep(LOOK_EVERY_MS, signal)
    signal.throwIfAborted()
  }
  try {
    setAside(folder, next.enrollment?.device_id ?? 'new')
    becomeNext(folder.identityFile)
  } catch (error) {
    throw new AgentFailure(
      `The state folder ${folder.path} cannot be prepared for a new device: ${errorText(error)}`,
    )
  }
}
