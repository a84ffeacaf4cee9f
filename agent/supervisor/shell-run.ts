/** One installer under a supervisor that is a shell, from its start to its end, while the agent lives. */
import { closeSync, existsSync } from 'node:fs'
import { uptime } from 'node:os'
import { createOnce } from '../lib/atomic-file.ts'
import { identify } from '../lib/processes.ts'
import { exitOf, limitTime, tryToWrite } from './attend.ts'
import { openBoundedOutput } from './bounded-output.ts'
import {
  attemptFiles,
  mayHaveStarted,
  startFiles,
  type Exit,
  type Installer,
  type ShellRecord,
  type Spec,
  type Supervisor,
} from './files.ts'
import { collect, reopenPipe, type Collecting } from './output-pipe.ts'
import type { ShellProcess } from './shell-process.ts'

export type ShellRun = {
  /**
   * `killed`: the shell was killed when the installer may have been started. Then the caller waits for the installer
   * and ends `collecting`. @throws the signal's reason when it fires; the installer continues
   */
  end: (signal: AbortSignal) => Promise<Exit | 'killed' | 'not_started'>
  collecting: Collecting
  /** Call it when the attempt is over: no stand-in is needed. */
  release: () => void
}

/** Rejects with the signal's reason when it fires first. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/**
 * Claims the attempt for the shell, and lets it start the installer. Null: it cannot, or somebody else has the claim.
 * @throws file system errors; then nothing was started
 */
export function beginShellRun(
  folder: string,
  spec: Spec,
  record: string,
  shell: ShellProcess,
): ShellRun | null {
  const files = startFiles(folder, spec.start)
  const { output, pipe: path, spec: specFile } = attemptFiles(folder)
  const pipe = reopenPipe(path)
  if (pipe === null) return null
  let isOpen = true
  // While this end is open, nobody would see the installer's end close.
  const closeWriteEnd = (): void => {
    if (isOpen) closeSync(pipe.writeFd)
    isOpen = false
  }
  const collecting = collect(pipe, openBoundedOutput(output))
  const limit = limitTime(folder, spec, spec.start)
  const leave = (): void => {
    limit.cancel()
    closeWriteEnd()
    collecting.abandon()
    shell.leave()
  }
  const claim: Supervisor = { ...identify(shell.pid), marks_start: false, record }
  try {
    // On disk before the installer starts: from now on it counts as started.
    if (!createOnce(files.supervisor, JSON.stringify(claim))) {
      leave()
      return null
    }
  } catch (error) {
    leave()
    throw error
  }
  shell.onInstaller((pid) => {
    closeWriteEnd()
    const installer: Installer = { process: identify(pid), started_uptime_seconds: uptime() }
    tryToWrite(files.installer, installer)
    limit.begin(installer)
  })
  shell.begin()

  async function end(signal: AbortSignal): Promise<Exit | 'killed' | 'not_started'> {
    let found: ShellRecord | null
    try {
      found = await orAborted(shell.ended, signal)
    } catch (error) {
      leave()
      throw error
    }
    closeWriteEnd()
    if (found === null) {
      limit.cancel()
      if (mayHaveStarted(folder, claim)) return 'killed'
      collecting.abandon()
      return 'not_started'
    }
    const timedOut = await limit.end()
    const { omitted } = await collecting.finish()
    const exit = exitOf(found, spec.command.file, timedOut, omitted)
    // The spec says which exit counts; the installer may have deleted it with its folder.
    if (!existsSync(specFile)) tryToWrite(specFile, spec)
    tryToWrite(files.exit, exit)
    return exit
  }
  return { end, collecting, release: shell.release }
}
