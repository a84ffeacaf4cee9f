/**
 * The supervisor: a small process between the agent and the installer that outlives the agent. It starts the
 * installer once, reads its output into a bounded file, ends it after its time limit, and records how it
 * ended.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { uptime } from 'node:os'
import { dirname } from 'node:path'
import { systemClock } from '#shared/node/clock.ts'
import { createOnce, errorCode, errorText, writeDurably } from '../lib/atomic-file.ts'
import { quoteArgument } from '#shared/domain/command-line.ts'
import { identify } from '../lib/processes.ts'
import { SERVICE_UMASK } from '../lib/umask.ts'
import {
  attemptFiles,
  markerOf,
  readSpec,
  startFiles,
  type Command,
  type Exit,
  type Installer,
  type Spec,
  type Supervisor,
} from './files.ts'
import { killTree } from './kill-tree.ts'
import { lowerPriority } from './low-priority.ts'
import { openSink, type Sink } from './sink.ts'
import { jobStartError } from './windows-job.ts'

const MAX_TIMER_MS = 2 ** 31 - 1
/** A full disk may be caused by the installer itself, and may be temporary. */
const WRITE_TRIES = 120
const WRITE_RETRY_MS = 1_000
const PASSING_ERRORS = ['ENOSPC', 'EDQUOT', 'EIO', 'EBUSY', 'EPERM', 'EACCES']

function startInstaller(
  { file, args, verbatim }: Command,
  { cwd, env }: Spec,
  stdio: StdioOptions,
): ChildProcess {
  return spawn(file, args, {
    cwd,
    env,
    stdio,
    // Its own group and session: it can be killed as a whole, and a signal to the agent does not reach it.
    detached: process.platform !== 'win32',
    windowsHide: true,
    windowsVerbatimArguments: verbatim,
    // Verbatim includes the program's own path, which may contain spaces.
    ...(verbatim && process.platform === 'win32' ? { argv0: quoteArgument(file) } : {}),
  })
}

/** A record must not be lost because the disk is full at that moment, or because the folder was deleted. */
async function writeWithRetries(file: string, content: string): Promise<void> {
  for (let tries = 1; ; tries++)
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      return writeDurably(file, content)
    } catch (error) {
      if (tries >= WRITE_TRIES || !PASSING_ERRORS.includes(errorCode(error))) throw error
      await systemClock.sleep(WRITE_RETRY_MS)
    }
}

/** Starts the installer and waits for its end. Never rejects. */
function runInstaller(
  spec: Spec,
  sink: Sink,
  onStarted: (pid: number) => void,
): Promise<Omit<Exit, 'omitted_bytes'>> {
  return new Promise((resolve) => {
    const ended = { exit_code: null, signal: null, timed_out: false, start_error: null }
    const notStarted = (error: unknown): void =>
      resolve({ ...ended, start_error: { code: errorCode(error), message: errorText(error) } })
    let child: ChildProcess
    try {
      child = startInstaller(sink.command, spec, sink.stdio)
    } catch (error) {
      return notStarted(error)
    }
    child.once('error', notStarted)
    const { pid } = child
    if (pid === undefined) return
    sink.started(child)
    onStarted(pid)
    let killing: Promise<void> | null = null
    const timer = setTimeout(
      () => {
        killing = killTree(pid, markerOf(spec.attempt_id), spec.grace_ms)
      },
      Math.min(spec.timeout_seconds * 1000, MAX_TIMER_MS),
    )
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      const startError = sink.isHelper && code !== null ? jobStartError(code) : null
      if (startError) return resolve({ ...ended, start_error: startError })
      void Promise.resolve(killing).then(() =>
        resolve({ ...ended, exit_code: code, signal, timed_out: killing !== null }),
      )
    })
  })
}

/**
 * Supervises the attempt in this folder according to its `spec.json`. If several supervisors are started for
 * one attempt, only the first does anything. @returns the exit code of the supervisor itself
 */
export async function supervise(folder: string): Promise<number> {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const spec = readSpec(folder)
  if (!spec) return 1
  const files = startFiles(folder, spec.start)
  const claim: Supervisor = { ...identify(process.pid), marks_start: true }
  if (!createOnce(files.supervisor, JSON.stringify(claim))) return 0

  // Inherited by the installer. The records set their own modes.
  process.umask(SERVICE_UMASK)
  await lowerPriority()
  const sink = openSink(folder, spec)
  // Written before the installer starts, or it does not start: without this file the agent may start another
  // supervisor.
  await writeWithRetries(files.started, JSON.stringify({ uptime_seconds: uptime() }))
  const exit = await runInstaller(spec, sink, (pid) => {
    const installer: Installer = {
      process: identify(pid),
      started_uptime_seconds: uptime(),
    }
    try {
      writeDurably(files.installer, JSON.stringify(installer))
    } catch {
      // The installer is running and must be waited for. Without this file, its marker identifies it.
    }
  })
  const { omitted, rest } = await sink.finish()
  const ending: Exit = { ...exit, omitted_bytes: omitted }
  // The spec says which exit counts; it may have been deleted with the folder.
  if (!readSpec(folder)) await writeWithRetries(attemptFiles(folder).spec, JSON.stringify(spec))
  await writeWithRetries(files.exit, JSON.stringify(ending))
  await rest
  return 0
}
