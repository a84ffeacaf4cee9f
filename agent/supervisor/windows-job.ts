/**
 * Windows: runs an installer inside a job object, so that it can be killed with everything it started. Pure;
 * the helper does the work.
 */
import type { Command, Exit } from './files.ts'
import { quoteArgument } from '#shared/domain/command-line.ts'

/** The job's name, from the marker of the installer's processes: the attempt's id. */
export const jobOf = (marker: string): string => marker.slice(marker.indexOf('=') + 1)

/**
 * The same command run by the helper, which uses everything after ` -- ` as the command line, and writes its
 * output to the file `output`.
 */
export function inJob(
  helper: string,
  attemptId: string,
  output: string,
  command: Command,
): Command {
  const words = [
    quoteArgument(command.file),
    ...(command.verbatim ? command.args : command.args.map(quoteArgument)),
  ]
  const mode = command.wholeTree ? 'job-all' : 'job'
  return {
    file: helper,
    args: [mode, attemptId, quoteArgument(output), '--', ...words],
    verbatim: true,
  }
}

/** Windows errors (learn.microsoft.com/windows/win32/debug/system-error-codes) with Node's names for them. */
const CODES: Readonly<Record<number, string>> = {
  2: 'ENOENT',
  3: 'ENOENT',
  5: 'EACCES',
  193: 'ENOEXEC',
  216: 'ENOEXEC',
  740: 'EPERM',
}
const NOT_STARTED = 0xe0de

/** The helper's last line: the bytes of output that were left out. */
export const omittedIn = (output: string): number => Number(/^\d{1,15}/.exec(output)?.[0] ?? 0)

/**
 * The start error of a program that the helper could not start, or null if the code is the installer's own.
 */
export function jobStartError(exitCode: number): Exit['start_error'] {
  const unsigned = exitCode >>> 0
  if (unsigned >>> 16 !== NOT_STARTED) return null
  const error = unsigned & 0xffff
  return { code: CODES[error] ?? 'UNKNOWN', message: `Windows error ${error}` }
}
