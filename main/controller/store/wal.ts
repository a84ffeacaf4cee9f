/**
 * What the files beside the database reveal about its write-ahead log, read before SQLite opens
 * them: opening the database rebuilds `-shm` and overwrites an unusable log. Formats:
 * https://www.sqlite.org/walformat.html
 * `-shm` contains how many frames of the log are committed, and how many of those are already in
 * the database. SQLite updates it after flushing the frames (synchronous=FULL), so a log with fewer
 * frames has lost some.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const WAL_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const SHM_HEADER_BYTES = 136
const WAL_MAGICS: readonly number[] = [0x377f0682, 0x377f0683]
/** More than any real log; a bound for what is read at start. */
const MAX_FRAMES = 4_000_000

export type WalState = 'missing' | 'empty' | 'unreadable' | 'ok'
export type WalFacts = {
  state: WalState
  /** Consecutive frames whose salt matches the header. */
  frames: number
  salts: string
}
/** Null if there is no usable `-shm`. */
export type ShmFacts = { committed: number; inDatabase: number; salts: string } | null

export const NO_WAL: WalFacts = { state: 'missing', frames: 0, salts: '' }

function withFile<T>(file: string, work: (fd: number, size: number) => T): T | null {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    return work(fd, fstatSync(fd).size)
  } finally {
    closeSync(fd)
  }
}

export function readWal(file: string): WalFacts {
  return (
    withFile(file, (fd, size): WalFacts => {
      const none = { frames: 0, salts: '' }
      if (size === 0) return { state: 'empty', ...none }
      const header = Buffer.alloc(WAL_HEADER_BYTES)
      if (
        readSync(fd, header, 0, header.length, 0) < header.length ||
        !WAL_MAGICS.includes(header.readUInt32BE(0))
      )
        return { state: 'unreadable', ...none }
      const pageBytes = header.readUInt32BE(8)
      const salts = header.subarray(16, 24)
      const frameBytes = FRAME_HEADER_BYTES + pageBytes
      const frame = Buffer.alloc(16)
      let frames = 0
      for (let at = WAL_HEADER_BYTES; at + frameBytes <= size && frames < MAX_FRAMES; frames++) {
        readSync(fd, frame, 0, frame.length, at)
        if (!frame.subarray(8, 16).equals(salts)) break
        at += frameBytes
      }
      return { state: 'ok', frames, salts: salts.toString('hex') }
    }) ?? NO_WAL
  )
}

export function readShm(file: string): ShmFacts {
  return withFile(file, (fd, size): ShmFacts => {
    if (size < SHM_HEADER_BYTES) return null
    const header = Buffer.alloc(SHM_HEADER_BYTES)
    readSync(fd, header, 0, header.length, 0)
    // Two copies, equal unless it was being written; in this computer's byte order.
    if (!header.subarray(0, 48).equals(header.subarray(48, 96)) || header[12] !== 1) return null
    return {
      committed: header.readUInt32LE(16),
      inDatabase: header.readUInt32LE(96),
      salts: header.subarray(32, 40).toString('hex'),
    }
  })
}

export type LostLog = 'missing' | 'unreadable' | 'cut'

/**
 * Whether committed changes are in neither the database nor its log.
 * @param wasOpen the folder's mark states that the database was not closed cleanly; null: there is
 * no mark
 */
export function lostLog(wal: WalFacts, shm: ShmFacts, wasOpen: boolean | null): LostLog | null {
  const pending = shm !== null && shm.committed > shm.inDatabase ? shm : null
  switch (wal.state) {
    case 'missing':
      return wasOpen || pending ? 'missing' : null
    case 'empty':
      return pending ? 'missing' : null
    case 'unreadable':
      return wasOpen === false && !pending ? null : 'unreadable'
    case 'ok':
      return pending && pending.salts === wal.salts && wal.frames < pending.committed ? 'cut' : null
  }
}
