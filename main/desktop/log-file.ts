/** The desktop's log file: bounded size, with one predecessor. */
import { closeSync, fchmodSync, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import pino, { type Logger } from 'pino'
import { createStderrLog, ignoreOutputErrors } from '#shared/node/output.ts'
import { renameUnsynced } from '../lib/durable-file.ts'

const MAX_FILE_BYTES = 5 * 1024 * 1024

/** A stream for whole lines. A full disk loses log lines, but never stops the hub. */
export function createLogFile(
  file: string,
  maxBytes = MAX_FILE_BYTES,
): { write: (line: string) => void } {
  let fd: number | null = null
  let sizeBytes = 0

  function open(): number {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const opened = openSync(file, 'a', 0o600)
    // A file of an earlier version, or one created beforehand, may be open to others.
    fchmodSync(opened, 0o600)
    sizeBytes = fstatSync(opened).size
    return opened
  }
  function turnOver(): void {
    if (fd !== null) closeSync(fd)
    fd = null
    renameUnsynced(file, `${file}.1`)
  }

  return {
    write(line) {
      try {
        fd ??= open()
        if (sizeBytes >= maxBytes) {
          turnOver()
          fd = open()
        }
        sizeBytes += writeSync(fd, line)
      } catch {
        // There is nowhere left to report it.
      }
    },
  }
}

/** The desktop's log: to the terminal, if there is one, and to `file`. */
export function createLog(file: string, level: string): Logger {
  // A closed terminal must not end the app.
  ignoreOutputErrors()
  const streams = [createStderrLog(), createLogFile(file)].map((stream) => ({
    stream,
    level: 'trace' as const,
  }))
  return pino({ level, base: null }, pino.multistream(streams))
}
