/**
 * Puts another executable into the agent's place. Before and after each step there is one that starts, or (Windows, for one
 * moment) one that the service host puts back before it starts anything.
 */
import { linkSync, lstatSync, readFileSync, rmSync } from 'node:fs'
import { errorCode, renameDurably, syncFolder, writeDurably } from '../lib/atomic-file.ts'
import type { Places } from './places.ts'

export type SwapStep = 'clear' | 'keep' | 'trial' | 'away' | 'place' | 'sync'

/**
 * @param isWindows it lets nobody replace the file of a running program, but that may be renamed
 * @param before called before each step; tests end the world there
 * @throws what the file system says; what was begun is undone then
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

/** What the taker-back wrote, or null. */
export function readVerdict(places: Places): string | null {
  try {
    return readFileSync(places.verdict, 'utf8').slice(0, 100)
  } catch {
    return null
  }
}

/** Ends the trial for good: what runs now stays. The trial's file goes first, or the rest would be its loss. */
export function endTrial(places: Places): void {
  // Then the one before is the only one there is.
  if (!exists(places.executable)) return
  rmSync(places.trial, { force: true })
  syncFolder(places.folder)
  for (const leftover of [places.verdict, places.previous, places.failed, places.workshop])
    try {
      rmSync(leftover, { recursive: true, force: true })
    } catch (error) {
      // Windows keeps the file of a program that still runs; the next update removes it.
      if (!['EPERM', 'EBUSY', 'EACCES', 'ENOTEMPTY'].includes(errorCode(error))) throw error
    }
}
