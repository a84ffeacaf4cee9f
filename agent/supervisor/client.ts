/** The agent's side of the supervisor: starts it, waits for it, and determines the result when it has ended. */
import { spawn } from 'node:child_process'
import type { Clock } from '#shared/node/clock.ts'
import { createOnce, writeDurably } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { isAlive } from '../lib/processes.ts'
import { serviceEnvironment } from '../lib/environment.ts'
import type { SelfCommand } from '../lib/self.ts'
import { exitOf, takeOutput, type Watched } from './attend.ts'
import {
  attemptFiles,
  findShellEnd,
  FORBIDDEN,
  isOvertime,
  markerOf,
  mayHaveStarted,
  readClaim,
  readExit,
  readInstaller,
  readSpec,
  startFiles,
  type Ending,
  type Spec,
  type Supervisor,
} from './files.ts'
export type { Ending } from './files.ts'
import { findInstaller } from './find-installer.ts'
import { killTree } from './kill-tree.ts'
import type { Collecting } from './output-pipe.ts'
import { createShellClient } from './shell-client.ts'

const POLL_MS = 100
const LOOK_FOR_SUPERVISOR_MS = 1_000
const START_TIMEOUT_MS = 30_000
/** How long the supervisor of an ended installer may take to write records that were deleted: the PC may be busy. */
const LATE_EXIT_MS = 15_000

export type SupervisorClient = {
  /** Writes what to run; nothing runs yet. */
  prepare: (folder: string, spec: Spec) => void
  /**
   * Prevents any installer of this attempt from starting. @returns false if it is too late: a supervisor has
   * claimed it
   */
  forbid: (folder: string) => boolean
  /** Starts a supervisor for a prepared attempt. Harmless if one was started before. */
  start: (folder: string) => void
  /**
   * Whether an installer of this attempt was started, or may have been. Only for prepared attempts: if their
   * records are missing, it is not certain that nothing ran.
   */
  hasBegun: (folder: string) => boolean
  /**
   * Waits for the end, across restarts of the agent. Calls `onTick` about ten times a second. @throws the
   * signal's reason when it fires; the installer continues
   */
  waitForEnd: (
    folder: string,
    watched: Watched,
    onTick: () => void,
    signal: AbortSignal,
  ) => Promise<Ending>
}

const unknown = (folder: string): Ending => ({ kind: 'unknown', timedOut: isOvertime(folder) })

/** Nothing of this attempt ran, and nothing will before another spec is written. */
function isProvenUnstarted(folder: string): boolean {
  const claim = readClaim(folder)
  if (typeof claim === 'string') return claim === 'forbidden'
  return !isAlive(claim) && !mayHaveStarted(folder, claim)
}

/** The output of an installer whose supervisor was killed. Null if it used no pipe, or somebody else reads it. */
function takeOrphansOutput(folder: string): Collecting | null {
  const claim = readClaim(folder)
  return typeof claim !== 'string' && isAlive(claim) ? null : takeOutput(folder)
}

export function createSupervisorClient(deps: {
  self: SelfCommand
  clock: Clock
  log: Log
}): SupervisorClient {
  const { self, clock, log } = deps
  /** Folders whose supervisor, started by this process, has ended. */
  const ended = new Set<string>()

  const forbid = (folder: string): boolean =>
    createOnce(startFiles(folder, readSpec(folder)?.start ?? 1).supervisor, FORBIDDEN) ||
    isProvenUnstarted(folder)

  /**
   * The supervisor was killed, or its records are missing: lets the installer finish within its time without it.
   */
  async function waitForOrphan(
    folder: string,
    watched: Watched,
    onTick: () => void,
    signal: AbortSignal,
    collecting: Collecting | null = null,
  ): Promise<Ending> {
    const process = findInstaller(folder, watched.attempt_id)
    if (!process) {
      await collecting?.finish()
      return unknown(folder)
    }
    log.warn(
      { folder, pid: process.pid },
      'the supervisor has ended, but the installer is still running',
    )
    const taking = collecting ?? takeOrphansOutput(folder)
    const startedAt = readInstaller(folder)?.started_uptime_seconds ?? clock.uptimeSeconds()
    try {
      while (isAlive(process)) {
        signal.throwIfAborted()
        if (clock.uptimeSeconds() - startedAt > watched.timeout_seconds) {
          await killTree(process.pid, markerOf(watched.attempt_id), watched.grace_ms)
          await taking?.finish()
          return { kind: 'unknown', timedOut: true }
        }
        onTick()
        await clock.sleep(POLL_MS, signal)
      }
    } catch (error) {
      taking?.abandon()
      throw error
    }
    await taking?.finish()
    // If only the records are missing, the supervisor is alive and will write the end again.
    const giveUpAt = clock.monotonicMs() + LATE_EXIT_MS
    while (readClaim(folder) === 'none' && clock.monotonicMs() < giveUpAt) {
      signal.throwIfAborted()
      const exit = readExit(folder)
      if (exit) return { kind: 'exited', exit }
      const record = findShellEnd(folder)
      if (record) return { kind: 'exited', exit: exitOf(record, '', isOvertime(folder), 0) }
      await clock.sleep(POLL_MS, signal)
    }
    return unknown(folder)
  }

  function startNode(folder: string): void {
    const child = spawn(self.file, [...self.args, 'supervise', folder], {
      // The name in process lists; the file itself may be one of the kernel's own references.
      argv0: process.execPath,
      cwd: folder,
      env: serviceEnvironment(),
      stdio: 'ignore',
      // It has to outlive the agent, even if a signal is sent to the agent's process group.
      detached: true,
      windowsHide: true,
    })
    child.on('error', (error) => log.error({ err: error }, 'the supervisor could not be started'))
    ended.delete(folder)
    child.once('exit', () => ended.add(folder))
    child.unref()
  }

  const shells =
    process.platform === 'win32'
      ? null
      : createShellClient({ self, clock, log, startNode, waitForOrphan })

  return {
    prepare(folder, spec) {
      shells?.launch(folder, spec)
      writeDurably(attemptFiles(folder).spec, JSON.stringify(spec))
    },
    hasBegun: (folder) => readSpec(folder) === null || readClaim(folder) !== 'none',
    forbid(folder) {
      shells?.drop(folder)
      return forbid(folder)
    },

    start(folder) {
      if (!shells?.start(folder)) startNode(folder)
    },

    async waitForEnd(folder, watched, onTick, signal) {
      const own = await shells?.waitForOwn(folder, watched, onTick, signal)
      if (own) return own
      const startBy = clock.monotonicMs() + START_TIMEOUT_MS
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
          // Without a spec, a claim could prove nothing: the records were deleted.
          if (readSpec(folder) === null) return orphan()
          // No supervisor appeared in time. Taking the claim makes sure that none starts anything later.
          const isLate = ended.has(folder) || clock.monotonicMs() > startBy
          if (isLate && forbid(folder)) return { kind: 'not_started' }
        } else if (clock.monotonicMs() >= lookAgainAt) {
          lookAgainAt = clock.monotonicMs() + LOOK_FOR_SUPERVISOR_MS
          if (claim === 'forbidden') return { kind: 'not_started' }
          if (claim === 'unreadable') return orphan()
          if (claim !== 'none' && claim.record !== undefined) {
            const { record } = claim
            return (
              shells?.waitForOther(folder, watched, { ...claim, record }, onTick, signal) ??
              orphan()
            )
          }
          // A supervisor whose records were deleted writes the end again.
          seen = claim === 'none' ? seen : claim
          if (!seen || !isAlive(seen)) {
            // It may have ended in between, after writing everything.
            const last = readExit(folder)
            if (last) return { kind: 'exited', exit: last }
            if (claim !== 'none' && !mayHaveStarted(folder, claim)) return { kind: 'not_started' }
            return orphan()
          }
        }
        await clock.sleep(POLL_MS, signal)
      }
    },
  }
}
