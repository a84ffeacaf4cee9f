/**
 * Replaces the agent's executable. After a power cut at any step, an executable that starts is in place. Only
 * on Windows it may be missing between two steps; the service host then restores the previous one first.
 */
import { linkSync, lstatSync, readFileSync, rmSync } from 'node:fs'
import { errorCode, renameDurably, syncFolder, writeDurably } from '../lib/atomic-file.ts'
import type { Places } from './places.ts'

export type SwapStep = 'clear' | 'keep' | 'trial' | 'away' | 'place' | 'sync'

/**
 * @param isWindows the file of a running program cannot be replaced there, but it can be renamed
 * @param before called before each step; tests simulate a power cut there
 * @throws file system errors; completed steps are undone then
 */
export function swapIn(
  places: Places,
  isWindows: boolean,
  before: (step: SwapStep) => void = () => undefined,
): void {
  const { executable, previous, next, trial, verdict, folder } = places
  before('clear')
  for (const file of [previous, verdict, places.failed]) rmSync(file, { force: true })
  if (!isWindows) {
    before('keep')
    linkSync(executable, previous)
  }
  before('trial')
  writeDurably(trial, '0\n')
  try {
    if (isWindows) {
      before('away')
      renameDurably(executable, previous)
    }
    before('place')
    renameDurably(next, executable)
  } catch (error) {
    if (isWindows && !exists(executable)) renameDurably(previous, executable)
    rmSync(trial, { force: true })
    rmSync(previous, { force: true })
    throw error
  }
  before('sync')
  syncFolder(folder)
}

function exists(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}

/** The reason stored by the rollback, or null. */
export function readVerdict(places: Places): string | null {
  try {
    return readFileSync(places.verdict, 'utf8').slice(0, 100)
  } catch {
    return null
  }
}

/**
 * Ends the trial for good: the running version stays. The trial file is removed first, because a trial
 * without the other files would have no version to roll back to.
 */
export function endTrial(places: Places): void {
  // Keep the previous version: it is the only one left.
  if (!exists(places.executable)) return
  rmSync(places.trial, { force: true })
  syncFolder(places.folder)
  for (const leftover of [places.verdict, places.previous, places.failed, places.workshop])
    try {
      rmSync(leftover, { recursive: true, force: true })
    } catch (error) {
      // Windows keeps the file of a program that is still running; the next update removes it.
      if (!['EPERM', 'EBUSY', 'EACCES', 'ENOTEMPTY'].includes(errorCode(error))) throw error
    }
}
