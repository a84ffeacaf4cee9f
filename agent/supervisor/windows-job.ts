/** Windows: an installer inside a job object, so that it can be ended with everything it started. Pure; the helper does it. */
import type { Command, Exit } from './files.ts'
import { quoteArgument } from '#shared/domain/command-line.ts'

/** The job's name from the line by which an installer's processes are marked: the attempt's id. */
export const jobOf = (marker: string): string => marker.slice(marker.indexOf('=') + 1)

/**
 * The same command under the helper, which takes everything behind ` -- ` as the command line, and writes what it prints into the
 * file `output`.
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
  const verb = command.wholeTree ? 'job-all' : 'job'
  return {
    file: helper,
    args: [verb, attemptId, quoteArgument(output), '--', ...words],
    verbatim: true,
  }
}

/** Windows errors (learn.microsoft.com/windows/win32/debug/system-error-codes) by the names that Node gives them. */
const CODES: Readonly<Record<number, string>> = {
  2: 'ENOENT',
  3: 'ENOENT',
  5: 'EACCES',
  193: 'ENOEXEC',
  216: 'ENOEXEC',
  740: 'EPERM',
}
const NOT_STARTED = 0xe0de

/** What the helper prints at the end: the bytes of output that were left out. */
export const omittedIn = (said: string): number => Number(/^\d{1,15}/.exec(said)?.[0] ?? 0)

/** What the helper could not start, or null when the code is the installer's own. */
export function jobStartError(exitCode: number): Exit['start_error'] {
  const unsigned = exitCode >>> 0
  if (unsigned >>> 16 !== NOT_STARTED) return null
  const error = unsigned & 0xffff
  return { code: CODES[error] ?? 'UNKNOWN', message: `Windows error ${error}` }
}
