/** Writes files atomically: after a power cut, a file is complete or absent. */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Makes a rename or a new name in this folder durable. Windows has no such call and needs none. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Flushes a file that another process has written. */
export function syncFile(file: string): void {
  const fd = openSync(file, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Renames a file or folder; the new name is on disk when this returns. The file's content must already be
 * flushed.
 */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to)
  syncFolder(dirname(to))
  if (dirname(from) !== dirname(to)) syncFolder(dirname(from))
}

/** Renames without flushing, for data that may be lost: rotated logs, locks of dead processes. */
export const renameUnsynced = (from: string, to: string): void => renameSync(from, to)

function writeTemporary(file: string, content: string | Uint8Array, mode = 0o600): string {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  const fd = openSync(temporary, 'wx', mode)
  try {
    writeFileSync(fd, content)
    fsyncSync(fd)
  } catch (error) {
    closeSync(fd)
    rmSync(temporary, { force: true })
    throw error
  }
  closeSync(fd)
  return temporary
}

/**
 * Replaces `file` (mode 0600 by default). The content is on disk when this returns. Throws file system
 * errors.
 */
export function writeDurably(file: string, content: string | Uint8Array, mode?: number): void {
  const temporary = writeTemporary(file, content, mode)
  try {
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(dirname(file))
}

/** Replaces `file` (0600) without flushing: after a power cut it may be the old one, or empty. */
export function writeUnsynced(file: string, content: string): void {
  const temporary = `${file}.tmp`
  writeFileSync(temporary, content, { mode: 0o600 })
  renameUnsynced(temporary, file)
}

/**
 * Creates `file` with its whole content, unless it exists: of several processes that try, exactly one gets
 * true. Uses a hard link, so that no reader sees a half-written file.
 */
export function createOnce(file: string, content: string): boolean {
  const temporary = writeTemporary(file, content)
  try {
    linkSync(temporary, file)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
  syncFolder(dirname(file))
  return true
}

/** The parsed JSON; undefined if there is no file, null if it is not valid JSON. Throws other read errors. */
export function readJson(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

/** The system's code, such as `ENOENT`, or an empty string. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** For people and logs. Removes URLs: package addresses contain a ticket. */
export const errorText = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replace(/^request to \S+ failed, reason: /, '')
    .replace(/ while trying to fetch \S{1,4096}:/, ':')
