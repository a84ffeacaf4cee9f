/**
 * Runs installers with low priority, so that the PC stays responsive: they get what is left over, but always
 * something.
 */
import { existsSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { runCommand } from '../lib/run-command.ts'

/**
 * Lower than everything that people start, but not more: on a PC with every core busy, nice 5 still gets
 * about a quarter of one. Windows has priority classes only; 10 is its BELOW_NORMAL, which children inherit
 * (higher classes are not inherited).
 */
export const INSTALLER_NICE = process.platform === 'win32' ? 10 : 5
/** Best effort, last in the queue. The idle class would wait forever while somebody copies files. */
const IONICE = ['-c', '2', '-n', '7']
const COMMAND_TIMEOUT_MS = 2_000

const IONICE_FILES = ['/usr/bin/ionice', '/bin/ionice']

/** The same command with low priority for the disk: `ionice` becomes the program. Null: this PC has no `ionice`. */
export function withLowDiskPriority(words: readonly string[]): string[] | null {
  const file = process.platform === 'linux' ? IONICE_FILES.find(existsSync) : undefined
  return file === undefined ? null : [file, ...IONICE, '-t', ...words]
}

/**
 * Lowers the priority of a process that is about to start the installer. Never throws: failing to do so is harmless.
 */
export function lowerPriorityOf(pid: number): void {
  try {
    // If the agent was started with a lower priority, keep that.
    if (getPriority() < INSTALLER_NICE) setPriority(pid, INSTALLER_NICE)
  } catch {
    // Not permitted here.
  }
}

/**
 * Lowers the priority of the current process; its children inherit it. Never rejects: failing to do so is
 * harmless.
 */
export async function lowerPriority(): Promise<void> {
  lowerPriorityOf(process.pid)
  if (process.platform === 'linux')
    await runCommand('ionice', [...IONICE, '-p', String(process.pid)], COMMAND_TIMEOUT_MS)
}
