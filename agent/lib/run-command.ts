/** Short commands whose answer is wanted: never a shell, bounded in time and size. */
import { execFile } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { consoleCodePage, decodeOutput } from './decode.ts'
import { serviceEnvironment } from './environment.ts'
import { withServiceUmask } from './umask.ts'

const OUTPUT_LIMIT_BYTES = 1024 * 1024

/** `missing`: there is no such program. `code` is null when it was stopped. */
export type CommandResult = {
  code: number | null
  stdout: string
  stderr: string
  missing: boolean
}

/** Leaves the PC to whoever works at it. A program that has ended already, or may not be slowed down, stays as it is. */
function slowDown(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It runs as it is.
  }
}

/**
 * Never rejects. Killed after `timeoutMs`, or when it has written more than `limitBytes`.
 * @param options `calm`: it has time
 */
export function runCommand(
  file: string,
  args: readonly string[],
  timeoutMs = 30_000,
  options: { limitBytes?: number; calm?: boolean; env?: Record<string, string> } = {},
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
    if (options.calm) slowDown(child.pid)
    child.stdin?.on('error', () => undefined)
    child.stdin?.end()
  })
}
