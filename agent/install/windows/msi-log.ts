/** Extracts the few lines about a failure from a verbose log of Windows Installer. */
import { open } from 'node:fs/promises'
import { consoleCodePage, decodeOutput, isUtf16 } from '../../lib/decode.ts'

/** A failure is near the end; after it come the properties, some 100 KiB at most. */
const TAIL_BYTES = 2 * 1024 * 1024
const LINE_LIMIT = 40
const LINE_LENGTH = 500

const RELEVANT = [
  /\berror \d{4}\b/i,
  /returned actual error code/i,
  /^.{0,40}Product: .+ -- /,
  /-- (Installation|Configuration|Removal) failed/i,
  /\bNote: 1: (17\d\d|2\d{3}) /,
  /MainEngineThread is returning (?!0\b)\d+/,
]
const FAILED_STEP = /^.{0,40}Action ended .*Return value 3\.?$/
/**
 * Wine writes 0 where Windows writes 3. On Windows a 0 is a skipped step, so it counts only if there is no 3.
 */
const UNDONE_STEP = /^.{0,40}Action ended .*Return value 0\.?$/

/** In their order, without repetitions. */
export function relevantLines(log: string): string[] {
  const lines = log.split(/\r?\n/).map((line) => line.trim())
  const failed = lines.some((line) => FAILED_STEP.test(line)) ? FAILED_STEP : UNDONE_STEP
  const found = lines.filter(
    (line) => failed.test(line) || RELEVANT.some((pattern) => pattern.test(line)),
  )
  return [...new Set(found)].slice(-LINE_LIMIT).map((line) => line.slice(0, LINE_LENGTH))
}

/**
 * The relevant lines of a log file; none if there is no log. Windows writes it in UTF-16, and its tail has no
 * byte order mark.
 */
export async function readMsiLog(file: string): Promise<string[]> {
  const handle = await open(file, 'r').catch(() => null)
  if (!handle) return []
  try {
    const { size } = await handle.stat()
    const from = Math.max(0, size - TAIL_BYTES) & ~1
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from)
    const bytes = buffer.subarray(0, bytesRead)
    return relevantLines(decodeOutput(bytes, isUtf16(bytes) ? null : consoleCodePage()))
  } finally {
    await handle.close()
  }
}
