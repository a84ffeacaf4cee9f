/** An installer leaves the PC to whoever works on it: it gets what is left over, and always something. */
import { getPriority, setPriority } from 'node:os'
import { runCommand } from '../lib/run-command.ts'

/**
 * Lower than everything that people start, and no lower: on a PC whose every core is busy nice 5 still gets about a quarter of
 * one. Windows knows classes only; 10 is its BELOW_NORMAL, which children inherit (no higher class would be).
 */
export const INSTALLER_NICE = process.platform === 'win32' ? 10 : 5
/** Best effort, the last in the queue. The idle class would wait for ever beside somebody who copies. */
const IONICE = ['-c', '2', '-n', '7']
const COMMAND_TIMEOUT_MS = 2_000

/** Lowers the present process; what it starts inherits that. Never rejects: where it cannot be done, nothing is lost. */
export async function lowerPriority(): Promise<void> {
  try {
    // Whoever started the agent lower still knew why.
    if (getPriority() < INSTALLER_NICE) setPriority(INSTALLER_NICE)
  } catch {
    // Not permitted here.
  }
  if (process.platform === 'linux')
    await runCommand('ionice', [...IONICE, '-p', String(process.pid)], COMMAND_TIMEOUT_MS)
}
