/** The agent's log: JSON lines on stderr, so that stdout is free for people; or in files of limited size. */
import { appendFileSync, chmodSync, statSync } from 'node:fs'
import { pino, type DestinationStream, type Logger } from 'pino'
import { createStderrLog } from '#shared/node/output.ts'
import { renameUnsynced } from './atomic-file.ts'

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

const FILE_LIMIT_BYTES = 10 * 1024 * 1024
const OLD_FILES = 2

function sizeOf(file: string): number {
  try {
    return statSync(file).size
  } catch {
    return 0
  }
}

/** A log file created by somebody else may be readable by others. */
function restrictMode(file: string): void {
  try {
    chmodSync(file, 0o600)
  } catch {
    // It does not exist yet.
  }
}

/**
 * Appends to `file`; when that is full it becomes `file.1`, and the former `file.1` becomes `file.2`. Never
 * throws.
 */
export function rotatingFile(file: string, limitBytes = FILE_LIMIT_BYTES): DestinationStream {
  let size = sizeOf(file)
  restrictMode(file)
  return {
    write(text) {
      try {
        if (size > 0 && size + text.length > limitBytes) {
          for (let n = OLD_FILES; n > 0; n--)
            if (sizeOf(n === 1 ? file : `${file}.${n - 1}`) > 0)
              renameUnsynced(n === 1 ? file : `${file}.${n - 1}`, `${file}.${n}`)
          size = 0
        }
        appendFileSync(file, text, { mode: 0o600 })
        size += Buffer.byteLength(text)
      } catch {
        // The disk is full, or another program has locked the file: continue without this line.
      }
    },
  }
}

/** Level from DEPLOYX_LOG_LEVEL, else `info`. @param file the log file, or null for stderr */
export function createLog(file: string | null = null): Log {
  const wanted = process.env['DEPLOYX_LOG_LEVEL'] ?? ''
  return pino(
    { level: LEVELS.includes(wanted) ? wanted : 'info', base: { pid: process.pid } },
    file === null ? createStderrLog() : rotatingFile(file),
  )
}
