/**
 * What a supervisor that is a shell leaves to others: reading the installer's output, its time limit, and `exit.json`. The
 * agent that started the installer does it; if that has ended, the stand-in, a process of the agent's program that
 * the shell starts; if that has ended too, the next agent.
 */
import { accessSync, closeSync, constants, mkdirSync } from 'node:fs'
import { constants as system, uptime } from 'node:os'
import { dirname } from 'node:path'
import { systemClock } from '#shared/node/clock.ts'
import { createOnce, errorCode, writeDurably, writeUnsynced } from '../lib/atomic-file.ts'
import { identify, isAlive } from '../lib/processes.ts'
import { openBoundedOutput } from './bounded-output.ts'
import {
  attemptFiles,
  isOvertime,
  markerOf,
  readClaim,
  readInstaller,
  readShellRecord,
  readSpec,
  startFiles,
  type Exit,
  type Installer,
  type ShellRecord,
  type Spec,
  type Supervisor,
} from './files.ts'
import { findInstaller } from './find-installer.ts'
import { killTree } from './kill-tree.ts'
import { collect, reopenPipe, type Collecting } from './output-pipe.ts'

const POLL_MS = 100
const MAX_TIMER_MS = 2 ** 31 - 1

/** The parts of `spec.json` that are needed if that file is missing. */
export type Watched = Pick<Spec, 'attempt_id' | 'timeout_seconds' | 'grace_ms'>

/** For records that only matter while this boot lasts, and that this process knows all the same. */
export function tryToWrite(file: string, content: object): void {
  try {
    // The installer may have deleted it.
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeUnsynced(file, JSON.stringify(content))
  } catch {
    // A full disk.
  }
}

/** Node reports why a program cannot be started; a shell only returns 126 or 127. */
function startError(file: string, status: number): NonNullable<Exit['start_error']> {
  let code = status === 127 ? 'ENOENT' : 'ENOEXEC'
  try {
    if (file.includes('/')) accessSync(file, constants.X_OK)
  } catch (error) {
    code = errorCode(error)
  }
  return { code, message: `spawn ${file} ${code}` }
}

function signalName(status: number): string {
  const number = status - 128
  const known = Object.entries(system.signals).find(([, other]) => other === number)
  return known?.[0] ?? `signal ${number}`
}

/** @param omitted bytes of output left out */
export function exitOf(
  record: ShellRecord,
  file: string,
  timedOut: boolean,
  omitted: number,
): Exit {
  const exit: Exit = {
    exit_code: null,
    signal: null,
    timed_out: timedOut,
    start_error: null,
    omitted_bytes: omitted,
  }
  if ('exit' in record) return { ...exit, exit_code: record.exit }
  if ('signal' in record) return { ...exit, signal: signalName(record.signal) }
  return { ...exit, start_error: startError(file, 'unstarted' in record ? record.unstarted : 127) }
}

/** Kills the installer when its time is over. */
export function limitTime(folder: string, watched: Watched, start: number) {
  let timer: NodeJS.Timeout | undefined
  let killing: Promise<void> | null = null
  return {
    begin({ process, started_uptime_seconds }: Installer): void {
      const leftSeconds = watched.timeout_seconds - (uptime() - started_uptime_seconds)
      const kill = (): void => {
        // If this process is killed meanwhile, the next one knows why the installer ended.
        tryToWrite(startFiles(folder, start).overtime, {})
        killing = killTree(process.pid, markerOf(watched.attempt_id), watched.grace_ms)
      }
      timer = setTimeout(kill, Math.min(Math.max(0, leftSeconds * 1000), MAX_TIMER_MS))
    },
    hasBegun: (): boolean => timer !== undefined,
    cancel: (): void => clearTimeout(timer),
    /** Resolves when everything is killed that had to be. @returns whether the time was over */
    async end(): Promise<boolean> {
      clearTimeout(timer)
      await killing
      return killing !== null
    },
  }
}

/** The shell's record. It may have been written right before the shell ended. */
function recordOf(folder: string, { record }: Supervisor, isGone: () => boolean) {
  const find = (): ShellRecord | null =>
    record === undefined ? null : readShellRecord(folder, record)
  const found = find()
  if (found || !isGone()) return { found, isGone: false }
  const last = find()
  return { found: last, isGone: last === null }
}

/** Continues to read the output. Null if there is no pipe any more. */
export function takeOutput(folder: string): Collecting | null {
  const { output, pipe: path } = attemptFiles(folder)
  const pipe = reopenPipe(path)
  if (pipe === null) return null
  closeSync(pipe.writeFd)
  return collect(pipe, openBoundedOutput(output))
}

/**
 * Attends until the installer has ended, and writes `exit.json`. @returns null if the shell was killed before it recorded
 * the end; throws the signal's reason when it fires
 */
export async function attendUntilEnd(
  folder: string,
  spec: Pick<Spec, 'start' | 'command'> & Watched,
  claim: Supervisor,
  { onTick, signal }: { onTick: () => void; signal: AbortSignal },
): Promise<Exit | null> {
  const taking = takeOutput(folder)
  const limit = limitTime(folder, spec, spec.start)
  try {
    for (;;) {
      signal.throwIfAborted()
      onTick()
      const { found, isGone } = recordOf(folder, claim, () => !isAlive(claim))
      if (found) {
        const timedOut = (await limit.end()) || isOvertime(folder)
        const ending = await taking?.finish()
        const exit = exitOf(found, spec.command.file, timedOut, ending?.omitted ?? 0)
        writeDurably(startFiles(folder, spec.start).exit, JSON.stringify(exit))
        await ending?.rest
        return exit
      }
      const process = findInstaller(folder, spec.attempt_id)
      if (isGone && process === null) {
        await limit.end()
        await taking?.finish()
        return null
      }
      if (process && !limit.hasBegun()) {
        const written = readInstaller(folder)
        const installer = written ?? { process, started_uptime_seconds: uptime() }
        // The agent was killed right after it had started the installer.
        if (!written) tryToWrite(startFiles(folder, spec.start).installer, installer)
        limit.begin(installer)
      }
      await systemClock.sleep(POLL_MS, signal)
    }
  } catch (error) {
    limit.cancel()
    taking?.abandon()
    throw error
  }
}

/** Exactly one process attends at a time. @returns false if another one does */
export const becomeAttendant = (folder: string, start: number): boolean =>
  createOnce(startFiles(folder, start).attendant, JSON.stringify(identify(process.pid)))

/** The stand-in: started by the shell when the agent has ended. @returns its exit code */
export async function attend(folder: string): Promise<number> {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const spec = readSpec(folder)
  const claim = readClaim(folder)
  if (!spec || typeof claim === 'string') return 1
  // If the shell was killed, the next agent continues alone.
  if (recordOf(folder, claim, () => !isAlive(claim)).isGone) return 0
  if (!becomeAttendant(folder, spec.start)) return 0
  const never = new AbortController().signal
  await attendUntilEnd(folder, spec, claim, { onTick: () => undefined, signal: never })
  return 0
}
