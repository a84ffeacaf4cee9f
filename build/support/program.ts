/** A long-running Node program of this project as a child process: its first line, its log, a clean stop. */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const END_LIMIT_MS = 10_000

export type Program = {
  /** The first line it prints. Rejects if the program ends first or takes longer. */
  firstLine(limitMs: number): Promise<string>
  /** SIGTERM, then SIGKILL after 10 s. */
  stop(): Promise<void>
  /** The end of its log if it exited with an error, else an empty string. */
  lastLines(): string
}

export function startProgram(
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; logFile: string },
): Program {
  const log = openSync(options.logFile, 'a')
  const child = spawn(process.execPath, [...args], {
    env: options.env,
    stdio: ['ignore', 'pipe', log],
  })
  closeSync(log)
  const lines = createInterface({ input: child.stdout! })
  const first = new Promise<string>((resolve) => lines.once('line', resolve))
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(1))
    child.once('close', (code) => resolve(code))
  })
  return {
    async firstLine(limitMs) {
      let timer: NodeJS.Timeout | undefined
      const tooLate = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error('the program did not start in time')), limitMs)
      })
      const gone = ended.then(() => {
        throw new Error('the program ended before it printed a line')
      })
      return Promise.race([first, gone, tooLate]).finally(() => clearTimeout(timer))
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS)
      await ended
      clearTimeout(timer)
    },
    lastLines() {
      if (!child.exitCode || !existsSync(options.logFile)) return ''
      return (
        readFileSync(options.logFile, 'utf8').trimEnd().split('\n').slice(-10).join('\n') + '\n'
      )
    },
  }
}
