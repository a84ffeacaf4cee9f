/**
 * Lines to stderr and stdout. A full disk, a closed terminal or a slow reader costs lines, but never blocks
 * the program.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { createLossyLines } from '#shared/domain/lossy-lines.ts'
import { createThreadLines } from './output-thread.ts'

export type Lines = { write: (line: string) => void }

const RETRY_MS = 100
const STALLED_CODES = new Set(['EAGAIN', 'EWOULDBLOCK'])
/** pino's numeric level. */
const LEVEL_WARN = 40

const STDOUT = 1
const STDERR = 2
type Output = typeof STDOUT | typeof STDERR

const ignore = (): void => undefined

function ignoreErrors(output: Output): void {
  const stream = output === STDOUT ? process.stdout : process.stderr
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore)
}

/** A file descriptor whose writes never block. */
function openOutput(output: Output): number {
  // Node puts a pipe or socket into non-blocking mode when the stream is created.
  ignoreErrors(output)
  try {
    // A terminal stays in blocking mode (a person may have stopped it with Ctrl+S), so it is opened again.
    if (process.platform !== 'linux' || !fstatSync(output).isCharacterDevice()) return output
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY
    return openSync(`/proc/self/fd/${output}`, flags)
  } catch {
    return output
  }
}

/** Whether writes block until somebody reads, and nothing can change that. */
function blocks(output: Output): boolean {
  if (process.platform === 'linux') return false
  // A terminal that somebody has stopped, on Windows by selecting text.
  if (isatty(output)) return true
  // Node keeps pipes in blocking mode on Windows only.
  if (process.platform !== 'win32') return false
  try {
    const stat = fstatSync(output)
    return stat.isFIFO() || stat.isSocket()
  } catch {
    return false
  }
}

function createThreadedLines(output: Output, note: string): Lines {
  const lines = createThreadLines(output, note)
  process.once('exit', () => {
    // Node waits for its threads, so the process would end only when somebody reads.
    if (lines.close()) process.kill(process.pid, 'SIGKILL')
  })
  return lines
}

/** @param note the line that reports dropped lines, with TIME and COUNT in place of the figures */
function createLines(output: Output, note: string, isThreaded = blocks(output)): Lines {
  if (isThreaded) return createThreadedLines(output, note)
  const own = openOutput(output)
  return createLossyLines({
    write: (bytes) => writeSync(own, bytes),
    isStalled: (error) => STALLED_CODES.has((error as NodeJS.ErrnoException).code ?? ''),
    retry: (again) => void setTimeout(again, RETRY_MS).unref(),
    encode: (text) => Buffer.from(text),
    droppedLine: (count) => note.replace('TIME', `${Date.now()}`).replace('COUNT', `${count}`),
  })
}

/**
 * Stderr as a destination for pino. Its writes never throw and never block.
 * @param isThreaded whether a thread writes; by default where writes cannot be made non-blocking
 */
export function createStderrLog(isThreaded?: boolean): Lines {
  const msg = 'lines of this log were dropped: they could not be written'
  const fields = JSON.stringify({ level: LEVEL_WARN, pid: process.pid, msg }).slice(0, -1)
  return createLines(STDERR, `${fields},"time":TIME,"dropped":COUNT}\n`, isThreaded)
}

/** Stdout for the messages of a long-running program to its user. Its writes never throw and never block. */
export function createStdoutLines(isThreaded?: boolean): Lines {
  return createLines(STDOUT, 'Lines that could not be written: COUNT.\n', isThreaded)
}

/** Errors of stdout and stderr themselves (a closed pipe, a full disk) do not end the program. */
export function ignoreOutputErrors(): void {
  for (const output of [STDOUT, STDERR] as const) ignoreErrors(output)
}

/** Node prints its own warnings with writes that block; this logs them instead. */
export function logWarnings(log: { warn: (fields: object, text: string) => void }): void {
  process.removeAllListeners('warning')
  process.on('warning', (warning) => log.warn({ err: warning }, 'a warning from Node'))
}
