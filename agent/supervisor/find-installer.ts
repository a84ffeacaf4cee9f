import { findMarked, isAlive, type ProcessId } from '../lib/processes.ts'
import { markerOf, readInstaller } from './files.ts'

/**
 * The installer's process if its supervisor has ended: as recorded, otherwise the oldest one with the marker.
 */
export function findInstaller(folder: string, attemptId: string): ProcessId | null {
  const written = readInstaller(folder)
  if (written) return isAlive(written.process) ? written.process : null
  return findMarked(markerOf(attemptId))[0] ?? null
}
