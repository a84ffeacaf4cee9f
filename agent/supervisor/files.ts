/**
 * The records of an attempt. The agent writes `spec.json`; a supervisor of Node writes everything else. It claims
 * the attempt with `supervisor.json` and writes `started.json` right before it starts the installer: if that
 * file is missing, the supervisor provably started nothing. For a supervisor that is a shell, the agent writes claim and
 * `exit.json`; such a claim means that the
 * installer was started, unless the shell has recorded that it was not, or was killed before it wrote its own mark.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJson, writeUnsynced } from '../lib/atomic-file.ts'
import { isOfThisBoot, ProcessId } from '../lib/processes.ts'

export const Command = z.object({
  file: z.string(),
  args: z.array(z.string()),
  /** Windows: the arguments reach the program unchanged, without added quotes. */
  verbatim: z.boolean(),
  /**
   * Windows: it has ended only when all its child processes have ended too (uninstallers that continue as a
   * copy of themselves).
   */
  wholeTree: z.boolean().optional(),
})
export type Command = z.infer<typeof Command>

export const Spec = z.object({
  attempt_id: z.string(),
  command: Command,
  env: z.record(z.string(), z.string()),
  cwd: z.string(),
  timeout_seconds: z.number().positive(),
  /** Time between asking a process to end and killing it. */
  grace_ms: z.number().nonnegative(),
  /**
   * Counts the supervisors of this attempt, from 1. Another one is started only if the previous one provably
   * started nothing.
   */
  start: z.number().int().positive().default(1),
  /**
   * A snapshot of the system's restart markers from before (detect/reboot.ts); agents before 0.2 did not
   * record it.
   */
  restart_marks: z.string().optional(),
})
export type Spec = z.infer<typeof Spec>

/**
 * The claimer of an attempt. `marks_start`: it writes `started.json` (supervisors of older agents do not).
 * `record`: the file in which a supervisor that is not Node records how the installer ended. The agent writes the
 * claim for it, and only then lets it start the installer.
 */
export const Supervisor = ProcessId.extend({
  marks_start: z.boolean().default(false),
  record: z.string().optional(),
})
export type Supervisor = z.infer<typeof Supervisor>
/** Written by the agent instead of a supervisor's claim: none may start any more. */
export const FORBIDDEN = '{}'

/** The installer's process, written right after its start. */
export const Installer = z.object({
  process: ProcessId,
  /** Seconds since boot, so that clock changes have no effect. */
  started_uptime_seconds: z.number(),
})
export type Installer = z.infer<typeof Installer>

export const Exit = z.object({
  exit_code: z.number().int().nullable(),
  signal: z.string().nullable(),
  timed_out: z.boolean(),
  /** It could not be started at all. */
  start_error: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** Bytes of output that were dropped from the middle because there was too much. */
  omitted_bytes: z.number().int().nonnegative(),
})
export type Exit = z.infer<typeof Exit>

/** What such a supervisor records: the code of the shell, which is 128 + n after a signal. */
export const ShellRecord = z.union([
  z.object({ exit: z.number().int() }),
  z.object({ signal: z.number().int() }),
  /** The program could not be started. */
  z.object({ unstarted: z.number().int() }),
  /** The agent ended before it let the supervisor begin. */
  z.object({ not_started: z.literal(true) }),
])
export type ShellRecord = z.infer<typeof ShellRecord>

/** Each shell has its own record, so that one that was left behind never writes into another's. */
const SHELL_RECORD = /^shell-[0-9a-f]{12}\.json$/
export const newShellRecord = (): string => `shell-${randomBytes(6).toString('hex')}.json`
export const shellFiles = (folder: string, record: string) => ({
  record: join(folder, record),
  /** Written right before it starts the installer, and not flushed: it proves something only until the PC restarts. */
  started: join(folder, `${record}.started`),
  /** The shell's own messages: it prints one if a signal has ended the installer. */
  messages: join(folder, `${record}.messages`),
  /** The installer could not be started. */
  failed: join(folder, `${record}.failed`),
})

/** How the installer ended, as far as known. */
export type Ending =
  | { kind: 'exited'; exit: Exit }
  /** The supervisor ended first, or its records are missing: the installer may have run. */
  | { kind: 'unknown'; timedOut: boolean }
  /** Provably no installer was started, and none ever will be by this supervisor. */
  | { kind: 'not_started' }

export const attemptFiles = (folder: string) => ({
  spec: join(folder, 'spec.json'),
  output: join(folder, 'output.log'),
  /** Named pipe that the installer writes its output to; not on Windows. */
  pipe: join(folder, 'output.pipe'),
  pieces: join(folder, 'pieces.log'),
  /** Written by the agent after it has appended the installer's own log to its output. */
  explained: join(folder, 'explained.json'),
})

/**
 * The files of one supervisor. Each supervisor has its own, so that a late one never takes the claim of its
 * successor.
 */
export function startFiles(folder: string, start: number) {
  const file = (name: string): string =>
    join(folder, start === 1 ? `${name}.json` : `${name}-${start}.json`)
  return {
    supervisor: file('supervisor'),
    started: file('started'),
    installer: file('installer'),
    exit: file('exit'),
    /** Written by the process that reads the output after the agent that started the installer has ended. */
    attendant: file('attendant'),
    /** Written before the installer is killed because its time is over. */
    overtime: file('overtime'),
  }
}

function read<T>(schema: z.ZodType<T>, file: string): T | null {
  const parsed = schema.safeParse(readJson(file))
  return parsed.success ? parsed.data : null
}

export const readSpec = (folder: string): Spec | null => read(Spec, attemptFiles(folder).spec)
/**
 * Takes the arguments out of the spec, and the environment with them. Call it once the result is stored. Not flushed, because
 * the result waits for it; the next start of the agent repeats it.
 */
export function forgetCommand(folder: string): void {
  const spec = readSpec(folder)
  if (!spec || (spec.command.args.length === 0 && Object.keys(spec.env).length === 0)) return
  const kept: Spec = { ...spec, command: { ...spec.command, args: [] }, env: {} }
  writeUnsynced(attemptFiles(folder).spec, JSON.stringify(kept))
}
const currentFiles = (folder: string) => startFiles(folder, readSpec(folder)?.start ?? 1)
export const readExit = (folder: string): Exit | null => read(Exit, currentFiles(folder).exit)
export const readInstaller = (folder: string): Installer | null =>
  read(Installer, currentFiles(folder).installer)
export const readSupervisor = (folder: string): ProcessId | null =>
  read(Supervisor, currentFiles(folder).supervisor)

/** The holder of the claim: nobody, a supervisor, the agent (nothing may start), or an unreadable file. */
export type Claim = 'none' | 'forbidden' | 'unreadable' | Supervisor
export function readClaim(folder: string): Claim {
  const raw = readJson(currentFiles(folder).supervisor)
  if (raw === undefined) return 'none'
  const parsed = Supervisor.safeParse(raw)
  if (parsed.success) return parsed.data
  return JSON.stringify(raw) === FORBIDDEN ? 'forbidden' : 'unreadable'
}
/** Null: nothing is recorded yet. */
export const readShellRecord = (folder: string, record: string): ShellRecord | null =>
  read(ShellRecord, join(folder, record))
/**
 * The end that a shell recorded in a folder whose claim was deleted. Only the shell that started the installer records one.
 */
export function findShellEnd(folder: string): ShellRecord | null {
  const names = existsSync(folder) ? readdirSync(folder) : []
  const records = names
    .filter((name) => SHELL_RECORD.test(name))
    .map((name) => readShellRecord(folder, name))
  return records.find((record) => record !== null && !('not_started' in record)) ?? null
}
export const readAttendant = (folder: string): ProcessId | null =>
  read(ProcessId, currentFiles(folder).attendant)
export const isOvertime = (folder: string): boolean => existsSync(currentFiles(folder).overtime)
/** Whether the supervisor that claimed the attempt may have started the installer. */
export function mayHaveStarted(folder: string, supervisor: Supervisor): boolean {
  if (supervisor.record !== undefined) {
    const record = readShellRecord(folder, supervisor.record)
    if (record) return !('not_started' in record)
    const { started } = shellFiles(folder, supervisor.record)
    return !isOfThisBoot(supervisor) || existsSync(started)
  }
  const { started, installer, exit } = currentFiles(folder)
  return !supervisor.marks_start || [started, installer, exit].some((file) => existsSync(file))
}

/** The line in an installer's environment that identifies its processes. */
export const markerOf = (attemptId: string): string => `DEPLOYX_ATTEMPT_ID=${attemptId}`
