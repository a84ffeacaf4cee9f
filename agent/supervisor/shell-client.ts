/** The agent's side of a supervisor that is a shell (shell-script.ts): of those that it started, and of earlier agents'. */
import { mkdirSync } from 'node:fs'
import type { Clock } from '#shared/node/clock.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { isAlive } from '../lib/processes.ts'
import type { SelfCommand } from '../lib/self.ts'
import { attendUntilEnd, becomeAttendant, type Watched } from './attend.ts'
import {
  isOvertime,
  mayHaveStarted,
  newShellRecord,
  readAttendant,
  readExit,
  readShellRecord,
  readSpec,
  type Ending,
  type Spec,
  type Supervisor,
} from './files.ts'
import type { Collecting } from './output-pipe.ts'
import { launchShell, type ShellProcess } from './shell-process.ts'
import { beginShellRun, type ShellRun } from './shell-run.ts'
import { shellSupervisor } from './shell-script.ts'

const POLL_MS = 100
/** How long the stand-in may take to start. */
const STAND_IN_MS = 30_000

type Launched = { spec: Spec; record: string; shell: Promise<ShellProcess | null> }
type WaitForOrphan = (
  folder: string,
  watched: Watched,
  onTick: () => void,
  signal: AbortSignal,
  collecting?: Collecting,
) => Promise<Ending>

export function createShellClient(deps: {
  self: SelfCommand
  clock: Clock
  log: Log
  /** Starts the supervisor that is used where no shell can be. */
  startNode: (folder: string) => void
  waitForOrphan: WaitForOrphan
}) {
  const { self, clock, log, startNode, waitForOrphan } = deps
  /** By folder: shells that wait for their start, and those that were started by this process. */
  const launched = new Map<string, Launched>()
  const running = new Map<string, Promise<ShellRun | null>>()

  /** Starts while the agent writes the spec and its journal. Without `go` it starts nothing. */
  function launch(folder: string, spec: Spec): void {
    drop(folder)
    const record = newShellRecord()
    const words = shellSupervisor(folder, spec, record, [process.execPath, ...self.args])
    launched.set(folder, { spec, record, shell: launchShell(words, spec) })
  }
  function drop(folder: string): void {
    void launched.get(folder)?.shell.then((shell) => shell?.leave())
    launched.delete(folder)
  }
  async function begin(
    folder: string,
    { spec, record, shell }: Launched,
  ): Promise<ShellRun | null> {
    const ready = await shell
    const run = ready && beginShellRun(folder, spec, record, ready)
    if (run) return run
    ready?.leave()
    log.warn({ folder }, 'the shell cannot supervise the installer; another process does')
    startNode(folder)
    return null
  }

  async function endOf(
    run: ShellRun,
    folder: string,
    watched: Watched,
    onTick: () => void,
    signal: AbortSignal,
  ): Promise<Ending> {
    const tick = (): void => {
      try {
        onTick()
      } catch (error) {
        log.warn({ why: errorText(error) }, 'the output cannot be sent yet')
        // The installer may have deleted it.
        mkdirSync(folder, { recursive: true, mode: 0o700 })
      }
    }
    const stopTicking = clock.repeat(POLL_MS, tick)
    try {
      const exit = await run.end(signal)
      const ending =
        exit === 'killed'
          ? await waitForOrphan(folder, watched, onTick, signal, run.collecting)
          : exit === 'not_started'
            ? { kind: 'not_started' as const }
            : { kind: 'exited' as const, exit }
      run.release()
      return ending
    } finally {
      stopTicking()
    }
  }

  /** Waits for the end of an installer whose shell was started by an earlier agent. */
  async function waitForShell(
    folder: string,
    watched: Watched,
    claim: Supervisor & { record: string },
    onTick: () => void,
    signal: AbortSignal,
  ): Promise<Ending> {
    const startBy = clock.monotonicMs() + STAND_IN_MS
    for (;;) {
      signal.throwIfAborted()
      onTick()
      const isGone = !isAlive(claim)
      const exit = readExit(folder)
      if (exit) return { kind: 'exited', exit }
      const record = readShellRecord(folder, claim.record)
      if (record && 'not_started' in record) return { kind: 'not_started' }
      const attendant = readAttendant(folder)
      if (isGone && record === null && !(attendant && isAlive(attendant)))
        return mayHaveStarted(folder, claim)
          ? waitForOrphan(folder, watched, onTick, signal)
          : { kind: 'not_started' }
      const spec = readSpec(folder)
      const isFree = attendant ? !isAlive(attendant) : clock.monotonicMs() > startBy
      if (spec && isFree && (attendant !== null || becomeAttendant(folder, spec.start))) {
        const ending = await attendUntilEnd(folder, spec, claim, { onTick, signal })
        return ending
          ? { kind: 'exited', exit: ending }
          : { kind: 'unknown', timedOut: isOvertime(folder) }
      }
      await clock.sleep(POLL_MS, signal)
    }
  }

  return {
    launch,
    /** Nothing is started. */
    drop,
    /** @returns false if none was launched */
    start(folder: string): boolean {
      const prepared = launched.get(folder)
      launched.delete(folder)
      if (!prepared) return false
      const run = begin(folder, prepared)
      // The caller that waits for the end handles it.
      run.catch((error: unknown) => log.error({ why: errorText(error) }, 'no claim was written'))
      running.set(folder, run)
      return true
    },
    /** Of an installer that this process started. Null: it was started, or is to be, in another way. */
    async waitForOwn(
      folder: string,
      watched: Watched,
      onTick: () => void,
      signal: AbortSignal,
    ): Promise<Ending | null> {
      const starting = running.get(folder)
      running.delete(folder)
      const run = await starting
      return run ? endOf(run, folder, watched, onTick, signal) : null
    },
    waitForOther: waitForShell,
  }
}
