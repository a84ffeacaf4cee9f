/** Files that are there whole or not at all, also after a power cut. */
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

/** Makes a rename or a new name in this folder last. Windows has no such call and needs none. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Flushes the bytes of a file that somebody else has written. */
export function syncFile(file: string): void {
  const fd = openSync(file, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Renames a file or folder; when this returns, the new name is on disk. The file's bytes must be there already. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to)
  syncFolder(dirname(to))
  if (dirname(from) !== dirname(to)) syncFolder(dirname(from))
}

/** Renames without flushing, for what may be lost: logs that turn over, locks of processes that are gone. */
export const renameLoosely = (from: string, to: string): void => renameSync(from, to)

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

/** Replaces `file` (0600 unless told otherwise). When this returns, the content is on disk. Throws the file system's error. */
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

/**
 * Creates `file` with its whole content, unless it exists: of several processes that try, exactly one gets true.
 * A hard link does it, because no reader can then see the file half-written.
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

/** The parsed JSON; undefined when the file is not there, null when it holds none. Other read errors are thrown. */
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

/** `ENOENT` and the like, or an empty string. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** For people and logs. Addresses are left out: those of packages carry a ticket. */
export const errorText = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replace(/^request to \S+ failed, reason: /, '')
    .replace(/ while trying to fetch \S{1,4096}:/, ':')
