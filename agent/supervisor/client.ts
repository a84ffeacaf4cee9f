/** The agent's side of the supervisor: starts it, waits for it, and finds out what happened when it is gone. */
import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { uptime } from 'node:os'
import { createOnce, writeDurably } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { findMarked, isAlive, type ProcessId } from '../lib/processes.ts'
import { serviceEnvironment } from '../lib/environment.ts'
import type { SelfCommand } from '../lib/self.ts'
import { wait } from '../lib/wait.ts'
import { openBoundedOutput } from './bounded-output.ts'
import {
  attemptFiles,
  FORBIDDEN,
  markerOf,
  mayHaveStarted,
  readClaim,
  readExit,
  readInstaller,
  readSpec,
  startFiles,
  type Exit,
  type Spec,
  type Supervisor,
} from './files.ts'
import { killTree } from './kill-tree.ts'
import { collect, reopenPipe, type Collecting } from './output-pipe.ts'

/** How the installer ended, as far as it can be known. */
export type Ending =
  | { kind: 'exited'; exit: Exit }
  /** The supervisor did not live to see it, or its records are gone: the installer may have run. */
  | { kind: 'unknown'; timedOut: boolean }
  /** Provably no installer was started, and the supervisor that could have done it never will. */
  | { kind: 'not_started' }

const POLL_MS = 100
const LOOK_FOR_SUPERVISOR_MS = 1_000
const START_TIMEOUT_MS = 30_000
const LATE_EXIT_MS = 3_000

/** What stands in `spec.json`, for when that is gone. */
export type Watched = Pick<Spec, 'attempt_id' | 'timeout_seconds' | 'grace_ms'>

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
  /**
   * Whether an installer of this attempt was started, or may have been. Only for attempts that were prepared: where their
   * records are gone, nobody can prove that nothing ran.
   */
  hasBegun: (folder: string) => boolean
  /**
   * Waits for the end, however often the agent was restarted meanwhile. `onTick` is called about ten times a second.
   * @throws the signal's reason when it fires; the installer goes on
   */
  waitForEnd: (
    folder: string,
    watched: Watched,
    onTick: () => void,
    signal: AbortSignal,
  ) => Promise<Ending>
}

/** The installer's process when its supervisor is gone: as written down, else the oldest that carries the marker. */
function findInstaller(folder: string, attemptId: string): ProcessId | null {
  const written = readInstaller(folder)
  if (written) return isAlive(written.process) ? written.process : null
  return findMarked(markerOf(attemptId))[0] ?? null
}

/** Nothing of this attempt ran, and nothing will before another spec is written. */
function isProvenUnstarted(folder: string): boolean {
  const claim = readClaim(folder)
  if (typeof claim === 'string') return claim === 'forbidden'
  return !isAlive(claim) && !mayHaveStarted(folder, claim)
}

/** Goes on where the supervisor was killed. Null where it wrote no pipe, or still lives. */
function takeOutput(folder: string): Collecting | null {
  const claim = readClaim(folder)
  if (typeof claim !== 'string' && isAlive(claim)) return null
  const { output, pipe: path } = attemptFiles(folder)
  const pipe = reopenPipe(path)
  if (pipe === null) return null
  closeSync(pipe.writeFd)
  return collect(pipe, openBoundedOutput(output))
}

export function createSupervisorClient(deps: { self: SelfCommand; log: Log }): SupervisorClient {
  const { self, log } = deps
  /** Folders whose supervisor, started by this process, has ended. */
  const ended = new Set<string>()

  const forbid = (folder: string): boolean =>
    createOnce(startFiles(folder, readSpec(folder)?.start ?? 1).supervisor, FORBIDDEN) ||
    isProvenUnstarted(folder)

  /** The supervisor was killed, or its records are gone: lets the installer finish within its time, without it. */
  async function waitForOrphan(
    folder: string,
    watched: Watched,
    onTick: () => void,
    signal: AbortSignal,
  ): Promise<Ending> {
    const process = findInstaller(folder, watched.attempt_id)
    if (!process) return { kind: 'unknown', timedOut: false }
    log.warn({ folder, pid: process.pid }, 'the supervisor is gone, the installer still runs')
    const taking = takeOutput(folder)
    const startedAt = readInstaller(folder)?.started_uptime_seconds ?? uptime()
    try {
      while (isAlive(process)) {
        signal.throwIfAborted()
        if (uptime() - startedAt > watched.timeout_seconds) {
          await killTree(process.pid, markerOf(watched.attempt_id), watched.grace_ms)
          await taking?.finish()
          return { kind: 'unknown', timedOut: true }
        }
        onTick()
        await wait(POLL_MS, signal)
      }
    } catch (error) {
      taking?.abandon()
      throw error
    }
    await taking?.finish()
    // Where only the records are gone, the supervisor lives and writes the end anew.
    const giveUpAt = performance.now() + LATE_EXIT_MS
    while (readClaim(folder) === 'none' && performance.now() < giveUpAt) {
      signal.throwIfAborted()
      const exit = readExit(folder)
      if (exit) return { kind: 'exited', exit }
      await wait(POLL_MS, signal)
    }
    return { kind: 'unknown', timedOut: false }
  }

  return {
    prepare: (folder, spec) => writeDurably(attemptFiles(folder).spec, JSON.stringify(spec)),
    hasBegun: (folder) => readSpec(folder) === null || readClaim(folder) !== 'none',
    forbid,

    start(folder) {
      const child = spawn(self.file, [...self.args, 'supervise', folder], {
        // What lists of processes show; the file itself may be named by a reference of the kernel's.
        argv0: process.execPath,
        cwd: folder,
        env: serviceEnvironment(),
        stdio: 'ignore',
        // It has to outlive the agent, a signal to the agent's group included.
        detached: true,
        windowsHide: true,
      })
      child.on('error', (error) => log.error({ err: error }, 'the supervisor could not be started'))
      ended.delete(folder)
      child.once('exit', () => ended.add(folder))
      child.unref()
    },

    async waitForEnd(folder, watched, onTick, signal) {
      const startBy = performance.now() + START_TIMEOUT_MS
      let lookAgainAt = 0
      let seen: Supervisor | null = null
      const orphan = (): Promise<Ending> => waitForOrphan(folder, watched, onTick, signal)
      for (;;) {
        signal.throwIfAborted()
        onTick()
        const exit = readExit(folder)
        if (exit) return { kind: 'exited', exit }
        const claim = readClaim(folder)
        if (claim === 'none' && !seen) {
          // Without a spec there is nothing a claim could prove: the records were deleted.
          if (readSpec(folder) === null) return orphan()
          // Nobody came in time. Taking its place makes sure that nobody starts anything later.
          const isLate = ended.has(folder) || performance.now() > startBy
          if (isLate && forbid(folder)) return { kind: 'not_started' }
        } else if (performance.now() >= lookAgainAt) {
          lookAgainAt = performance.now() + LOOK_FOR_SUPERVISOR_MS
          if (claim === 'forbidden') return { kind: 'not_started' }
          if (claim === 'unreadable') return orphan()
          // A supervisor whose records were deleted writes the end anew.
          seen = claim === 'none' ? seen : claim
          if (!seen || !isAlive(seen)) {
            // It may have ended in between, having written everything.
            const last = readExit(folder)
            if (last) return { kind: 'exited', exit: last }
            if (claim !== 'none' && !mayHaveStarted(folder, claim)) return { kind: 'not_started' }
            return orphan()
          }
        }
        await wait(POLL_MS, signal)
      }
    },
  }
}
