/** The agent's log: JSON lines on stderr, so that stdout stays with what people read. */
import { pino, type Logger } from 'pino'

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Level from DEPLOYX_LOG_LEVEL, else `info`. */
export function createLog(): Log {
  const wanted = process.env['DEPLOYX_LOG_LEVEL'] ?? ''
  return pino(
    { level: LEVELS.includes(wanted) ? wanted : 'info', base: { pid: process.pid } },
    process.stderr,
  )
}
