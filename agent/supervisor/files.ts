/**
 * The records of an attempt. The agent writes `spec.json`; the supervisor writes everything else. It claims
 * the attempt with `supervisor.json` and writes `started.json` right before it starts the installer: if that
 * file is missing, the supervisor provably started nothing.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJson, writeDurably } from '../lib/atomic-file.ts'
import { ProcessId } from '../lib/processes.ts'

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
 */
export const Supervisor = ProcessId.extend({ marks_start: z.boolean().default(false) })
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
  }
}

function read<T>(schema: z.ZodType<T>, file: string): T | null {
  const parsed = schema.safeParse(readJson(file))
  return parsed.success ? parsed.data : null
}

export const readSpec = (folder: string): Spec | null => read(Spec, attemptFiles(folder).spec)
/** Takes the arguments out of the spec, and the environment with them. Call it once the installer has ended. */
export function forgetCommand(folder: string): void {
  const spec = readSpec(folder)
  if (!spec || (spec.command.args.length === 0 && Object.keys(spec.env).length === 0)) return
  const kept: Spec = { ...spec, command: { ...spec.command, args: [] }, env: {} }
  writeDurably(attemptFiles(folder).spec, JSON.stringify(kept))
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
/** Whether the supervisor that claimed the attempt may have started the installer. */
export function mayHaveStarted(folder: string, supervisor: Supervisor): boolean {
  const { started, installer, exit } = currentFiles(folder)
  return !supervisor.marks_start || [started, installer, exit].some((file) => existsSync(file))
}

/** The line in an installer's environment that identifies its processes. */
export const markerOf = (attemptId: string): string => `DEPLOYX_ATTEMPT_ID=${attemptId}`
