/** The agent's side of the supervisor: starts it, waits for it, and finds out what happened when it is gone. */
import { spawn } from 'node:child_process'
import { uptime } from 'node:os'
import { createOnce, writeDurably } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { findMarked, isAlive, type ProcessId } from '../lib/processes.ts'
import { commandEnvironment } from '../lib/run-command.ts'
import type { SelfCommand } from '../lib/self.ts'
import { wait } from '../lib/wait.ts'
import {
  attemptFiles,
  isClaimed,
  markerOf,
  readExit,
  readInstaller,
  readSpec,
  readSupervisor,
  type Exit,
  type Spec,
} from './files.ts'
import { killTree } from './kill-tree.ts'

/** How the installer ended, as far as it can be known. */
export type Ending =
  | { kind: 'exited'; exit: Exit }
  /** The supervisor did not live to see it. */
  | { kind: 'unknown'; timedOut: boolean }
  /** No installer was started, and none will be. */
  | { kind: 'not_started' }

const POLL_MS = 100
const LOOK_FOR_SUPERVISOR_MS = 1_000
const START_TIMEOUT_MS = 30_000

export type SupervisorClient = {
  /** Writes what is to be run; nothing runs yet. */
  prepare: (folder: string, spec: Spec) => void
  /**
   * Makes sure that no installer of this attempt is ever started.
   * @returns false when it is too late: a supervisor has taken it up
   */
  forbid: (folder: string) => boolean
  /** Starts a supervisor for a prepared attempt. Harmless when one was started before. */
  start: (folder: string) => void
  /** Whether an installer of this attempt was started, or may have been. Only for attempts that were prepared. */
  hasBegun: (folder: string) => boolean
  /**
   * Waits for the end, however often the agent was restarted meanwhile. `onTick` is called about ten times a second.
   * @throws the signal's reason when it fires; the installer goes on
   */
  waitForEnd: (folder: string, onTick: () => void, signal: AbortSignal) => Promise<Ending>
}

/** The installer's process when its supervisor is gone: as written down, else the oldest that carries the marker. */
function findInstaller(folder: string, spec: Spec): ProcessId | null {
  const written = readInstaller(folder)
  if (written) return isAlive(written.process) ? written.process : null
  return findMarked(markerOf(spec.attempt_id))[0] ?? null
}

export function createSupervisorClient(deps: { self: SelfCommand; log: Log }): SupervisorClient {
  const { self, log } = deps

  /** The supervisor was killed: lets the installer finish within its time, without it. */
  async function waitForOrphan(
    folder: string,
    onTick: () => void,
    signal: AbortSignal,
  ): Promise<Ending> {
    const spec = readSpec(folder)
    if (!spec) return { kind: 'unknown', timedOut: false }
    const process = findInstaller(folder, spec)
    if (!process) return { kind: 'unknown', timedOut: false }
    log.warn({ folder, pid: process.pid }, 'the supervisor is gone, the installer still runs')
    const startedAt = readInstaller(folder)?.started_uptime_seconds ?? uptime()
    while (isAlive(process)) {
      signal.throwIfAborted()
      if (uptime() - startedAt > spec.timeout_seconds) {
        await killTree(process.pid, markerOf(spec.attempt_id), spec.grace_ms)
        return { kind: 'unknown', timedOut: true }
      }
      onTick()
      await wait(POLL_MS, signal)
    }
    return { kind: 'unknown', timedOut: false }
  }

  return {
    prepare: (folder, spec) => writeDurably(attemptFiles(folder).spec, JSON.stringify(spec)),
    hasBegun: (folder) => isClaimed(folder) || readSpec(folder) === null,

    forbid: (folder) => createOnce(attemptFiles(folder).supervisor, '{}'),

    start(folder) {
      const child = spawn(self.file, [...self.args, 'supervise', folder], {
        cwd: folder,
        env: commandEnvironment(),
        stdio: 'ignore',
        // It has to outlive the agent, a signal to the agent's group included.
        detached: true,
        windowsHide: true,
      })
      child.on('error', (error) => log.error({ err: error }, 'the supervisor could not be started'))
      child.unref()
    },

    async waitForEnd(folder, onTick, signal) {
      const files = attemptFiles(folder)
      const startBy = performance.now() + START_TIMEOUT_MS
      let lookAgainAt = 0
      for (;;) {
        signal.throwIfAborted()
        onTick()
        const exit = readExit(folder)
        if (exit) return { kind: 'exited', exit }
        if (!isClaimed(folder)) {
          // Nobody came in time. Taking its place makes sure that nobody starts anything later.
          if (performance.now() > startBy && createOnce(files.supervisor, '{}'))
            return { kind: 'not_started' }
        } else if (performance.now() >= lookAgainAt) {
          lookAgainAt = performance.now() + LOOK_FOR_SUPERVISOR_MS
          const supervisor = readSupervisor(folder)
          // The place was taken by an agent, before any supervisor came.
          if (!supervisor) return { kind: 'not_started' }
          if (!isAlive(supervisor)) {
            // It may have ended in between, having written everything.
            const last = readExit(folder)
            return last ? { kind: 'exited', exit: last } : waitForOrphan(folder, onTick, signal)
          }
        }
        await wait(POLL_MS, signal)
      }
    },
  }
}
