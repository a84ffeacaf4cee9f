/**
 * The records of an attempt. The agent writes `spec.json`; the supervisor writes everything else. It claims the attempt with
 * `supervisor.json` and writes `started.json` right before it starts the installer: a supervisor that left no such file
 * provably started nothing.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJson, writeDurably } from '../lib/atomic-file.ts'
import { ProcessId } from '../lib/processes.ts'

export const Command = z.object({
  file: z.string(),
  args: z.array(z.string()),
  /** Windows: the arguments reach the program as they are, without quotes put around them. */
  verbatim: z.boolean(),
  /** Windows: it is over only when everything it started has ended too (uninstallers that go on as a copy of themselves). */
  wholeTree: z.boolean().optional(),
})
export type Command = z.infer<typeof Command>

export const Spec = z.object({
  attempt_id: z.string(),
  command: Command,
  env: z.record(z.string(), z.string()),
  cwd: z.string(),
  timeout_seconds: z.number().positive(),
  /** Between asking a process to end and killing it. */
  grace_ms: z.number().nonnegative(),
  /** Counts the supervisors of this attempt, from 1. Another one follows only where the one before provably started nothing. */
  start: z.number().int().positive().default(1),
  /** How the system's wish for a restart looked before (detect/reboot.ts); agents before 0.2 did not note it. */
  restart_marks: z.string().optional(),
})
export type Spec = z.infer<typeof Spec>

/** Who claimed an attempt. `marks_start`: it writes `started.json` (supervisors of older agents do not). */
export const Supervisor = ProcessId.extend({ marks_start: z.boolean().default(false) })
export type Supervisor = z.infer<typeof Supervisor>
/** Written by the agent in place of a supervisor's claim: none may start any more. */
export const FORBIDDEN = '{}'

/** The installer's process, written right after its start. */
export const Installer = z.object({
  process: ProcessId,
  /** Seconds since boot, so that a clock that is set meanwhile changes nothing. */
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
  /** Named pipe that the installer writes its output into; not on Windows. */
  pipe: join(folder, 'output.pipe'),
  pieces: join(folder, 'pieces.log'),
  /** Left by the agent once what an installer wrote elsewhere is part of its output. */
  explained: join(folder, 'explained.json'),
})

/** What one supervisor writes. Each has files of its own, so that a late one never claims the place of its successor. */
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

/** Who holds the claim: nobody, a supervisor, the agent (nothing may start), or what a file says that cannot be read. */
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

/** The line in an installer's environment by which its processes are found again. */
export const markerOf = (attemptId: string): string => `DEPLOYX_ATTEMPT_ID=${attemptId}`
