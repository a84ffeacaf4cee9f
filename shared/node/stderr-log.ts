/**
 * Log lines to stderr. A full disk, a closed terminal or a slow reader costs lines, but never blocks the
 * program.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { createLossyLines } from '#shared/domain/lossy-lines.ts'

const RETRY_MS = 100
const STALLED_CODES = new Set(['EAGAIN', 'EWOULDBLOCK'])
/** pino's numeric level. */
const LEVEL_WARN = 40

const STDERR = 2

/** A file descriptor of stderr whose writes never block. */
function openStderr(): number {
  // Node puts a pipe or socket into non-blocking mode when the stream is created.
  process.stderr.on('error', () => undefined)
  try {
    // A terminal stays in blocking mode (a person may have stopped it with Ctrl+S), so it is opened again.
    if (process.platform !== 'linux' || !fstatSync(STDERR).isCharacterDevice()) return STDERR
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY
    return openSync(`/proc/self/fd/${STDERR}`, flags)
  } catch {
    return STDERR
  }
}

const droppedLine = (count: number): string =>
  `${JSON.stringify({
    level: LEVEL_WARN,
    time: Date.now(),
    pid: process.pid,
    dropped: count,
    msg: 'lines of this log were dropped: they could not be written',
  })}\n`

/** Stderr as a destination for pino. Its writes never throw and never block. */
export function createStderrLog(): { write: (line: string) => void } {
  const own = openStderr()
  return createLossyLines({
    write: (bytes) => writeSync(own, bytes),
    isStalled: (error) => STALLED_CODES.has((error as NodeJS.ErrnoException).code ?? ''),
    retry: (again) => void setTimeout(again, RETRY_MS).unref(),
    encode: (text) => Buffer.from(text),
    droppedLine,
  })
}

/** Errors of stdout and stderr themselves (a closed pipe, a full disk) do not end the program. */
export function ignoreOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}
