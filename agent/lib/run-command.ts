/** Runs short commands for their output: never a shell, limited in time and size. */
import { spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import type { Readable } from 'node:stream'
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
  const limitBytes = options.limitBytes ?? OUTPUT_LIMIT_BYTES
  return new Promise((resolve) => {
    const child = withServiceUmask(() =>
      spawn(file, args, {
        // Nothing to read, rather than a pipe: Node's pipes are sockets, and a bash that is started with one takes
        // itself for a remote login and runs ~/.bashrc.
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...serviceEnvironment(), ...options.env },
        windowsHide: true,
      }),
    )
    if (options.lowPriority) slowDown(child.pid)
    let isStopped = false
    /** Also stops listening: processes that it has started may keep its output open. */
    const stop = (): void => {
      isStopped = true
      child.kill('SIGKILL')
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
    const timer = setTimeout(stop, timeoutMs)
    /** Collects a stream; the program is stopped when it writes too much. */
    const collect = (stream: Readable | null | undefined): Buffer[] => {
      const pieces: Buffer[] = []
      let bytes = 0
      // A program that could not be started for lack of files has no streams.
      stream?.on('data', (piece: Buffer) => {
        bytes += piece.length
        if (bytes <= limitBytes) return void pieces.push(piece)
        stop()
      })
      return pieces
    }
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    const end = (code: number | null, missing = false): void => {
      clearTimeout(timer)
      resolve({
        code: isStopped ? null : code,
        stdout: decodeOutput(Buffer.concat(stdout), consoleCodePage()),
        stderr: decodeOutput(Buffer.concat(stderr), consoleCodePage()),
        missing,
      })
    }
    child.once('error', (error: NodeJS.ErrnoException) => end(null, error.code === 'ENOENT'))
    child.once('close', (code) => end(code))
  })
}
