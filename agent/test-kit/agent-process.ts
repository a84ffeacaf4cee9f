/** The real agent as a separate process, with a temporary state folder. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '..', 'main.ts')

/** A folder that the test removes at its end. */
export function makeFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'deployx-agent-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export type AgentProcess = {
  process: ChildProcess
  stdout: () => string
  stderr: () => string
  /** Exit code, or null after a signal. */
  ended: Promise<number | null>
  kill: (signal: NodeJS.Signals) => Promise<number | null>
}

/** Starts `node agent/main.ts …args`. `wrap` is put before it (to run it as another user, for example). */
export function startAgent(
  args: readonly string[],
  options: {
    wrap?: readonly string[]
    env?: Record<string, string>
    /** Replaces `agent/main.ts`: a script of the test kit and its arguments before the command. */
    program?: readonly string[]
  } = {},
): AgentProcess {
  const words = [...(options.wrap ?? []), process.execPath, ...(options.program ?? [MAIN]), ...args]
  const child = spawn(words[0]!, words.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEPLOYX_LOG_LEVEL: 'debug', ...options.env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    kill(signal) {
      child.kill(signal)
      return ended
    },
  }
}
