import { spawn } from 'node:child_process'

export interface RunResult {
  /** Exit code; null if a signal or the timeout ended it. */
  code: number | null
  stdout: string
  stderr: string
  timedOut: boolean
}

interface RunOptions {
  timeoutMs: number
  cwd?: string
  env?: NodeJS.ProcessEnv
}

/**
 * Runs a program to its end without a shell and returns its output; a non-zero exit code is a result, not an
 * exception. Kills it after `timeoutMs`. @throws Error only if it cannot be started (`ENOENT`: not installed)
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    })
    let stdout = ''
    let stderr = ''
    let timedOut = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, options.timeoutMs)
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr, timedOut })
    })
  })
}

/** Last non-empty line of a program's output, for one-line messages. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}

/**
 * npm as a command that can be spawned without a shell on every platform: the npm that runs this script if
 * there is one, otherwise `npm` from PATH (`npm.cmd` cannot be spawned without a shell, so Windows needs the
 * former).
 */
export function npmCommand(env: NodeJS.ProcessEnv = process.env): {
  command: string
  args: string[]
} {
  const cli = env['npm_execpath']
  return cli && /npm-cli\.js$/.test(cli)
    ? { command: process.execPath, args: [cli] }
    : { command: 'npm', args: [] }
}
