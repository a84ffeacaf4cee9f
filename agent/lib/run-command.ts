/** Short commands whose answer is wanted: never a shell, bounded in time and size. */
import { execFile } from 'node:child_process'
import { consoleCodePage, decodeOutput } from './decode.ts'

export const CLEAN_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const OUTPUT_LIMIT_BYTES = 1024 * 1024

/** `missing`: there is no such program. `code` is null when it was stopped. */
export type CommandResult = {
  code: number | null
  stdout: string
  stderr: string
  missing: boolean
}

/** What an own command finds in its environment. Windows needs its folders named, else nothing starts there. */
export function commandEnvironment(): Record<string, string> {
  if (process.platform !== 'win32') return { PATH: CLEAN_PATH, LC_ALL: 'C.UTF-8' }
  const kept = ['SystemRoot', 'windir', 'Path', 'PATHEXT', 'TEMP', 'TMP', 'ComSpec']
  return Object.fromEntries(kept.flatMap((k) => (process.env[k] ? [[k, process.env[k]]] : [])))
}

/** Never rejects. Killed after `timeoutMs`. */
export function runCommand(
  file: string,
  args: readonly string[],
  timeoutMs = 30_000,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_LIMIT_BYTES,
        env: commandEnvironment(),
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
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end()
  })
}
