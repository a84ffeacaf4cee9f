/** Runs short commands for their output: never a shell, limited in time and size. */
import { execFile } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { consoleCodePage, decodeOutput } from './decode.ts'
import { serviceEnvironment } from './environment.ts'
import { withServiceUmask } from './umask.ts'

const OUTPUT_LIMIT_BYTES = 1024 * 1024

/** `missing`: there is no such program. `code` is null if it was killed. */
export type CommandResult = {
  code: number | null
  stdout: string
  stderr: string
  missing: boolean
}

/**
 * Lowers the priority, so that the PC stays responsive. Does nothing if the program has ended or its priority
 * cannot be changed.
 */
function slowDown(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It keeps its priority.
  }
}

/**
 * Never rejects. Killed after `timeoutMs`, or when it has written more than `limitBytes`. @param options
 * `lowPriority`: run it with low priority
 */
export function runCommand(
  file: string,
  args: readonly string[],
  timeoutMs = 30_000,
  options: { limitBytes?: number; lowPriority?: boolean; env?: Record<string, string> } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = withServiceUmask(() =>
      execFile(
        file,
        args,
        {
          timeout: timeoutMs,
          killSignal: 'SIGKILL',
          maxBuffer: options.limitBytes ?? OUTPUT_LIMIT_BYTES,
          env: { ...serviceEnvironment(), ...options.env },
          windowsHide: true,
          encoding: 'buffer',
        },
        (error, stdout, stderr) =>
          resolve({
            code: error === null ? 0 : typeof error.code === 'number' ? error.code : null,
            stdout: decodeOutput(stdout, consoleCodePage()),
            stderr: decodeOutput(stderr, consoleCodePage()),
            missing: error !== null && (error.code as unknown) === 'ENOENT',
          }),
      ),
    )
    if (options.lowPriority) slowDown(child.pid)
    child.stdin?.on('error', () => undefined)
    child.stdin?.end()
  })
}
