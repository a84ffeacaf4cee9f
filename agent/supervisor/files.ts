/**
 * What lies in the folder of an attempt. The agent writes `spec.json`; everything else there is the supervisor's word.
 * The supervisor writes `supervisor.json` before it starts the installer: without that file no installer was started.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJson } from '../lib/atomic-file.ts'
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
})
export type Spec = z.infer<typeof Spec>

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
  supervisor: join(folder, 'supervisor.json'),
  installer: join(folder, 'installer.json'),
  exit: join(folder, 'exit.json'),
  output: join(folder, 'output.log'),
  pieces: join(folder, 'pieces.log'),
  /** Left by the agent once what an installer wrote elsewhere is part of its output. */
  explained: join(folder, 'explained.json'),
})

function read<T>(schema: z.ZodType<T>, file: string): T | null {
  const parsed = schema.safeParse(readJson(file))
  return parsed.success ? parsed.data : null
}

export const readSpec = (folder: string): Spec | null => read(Spec, attemptFiles(folder).spec)
export const readExit = (folder: string): Exit | null => read(Exit, attemptFiles(folder).exit)
export const readInstaller = (folder: string): Installer | null =>
  read(Installer, attemptFiles(folder).installer)
export const readSupervisor = (folder: string): ProcessId | null =>
  read(ProcessId, attemptFiles(folder).supervisor)
export const isClaimed = (folder: string): boolean => existsSync(attemptFiles(folder).supervisor)

/** The line in an installer's environment by which its processes are found again. */
export const markerOf = (attemptId: string): string => `DEPLOYX_ATTEMPT_ID=${attemptId}`
