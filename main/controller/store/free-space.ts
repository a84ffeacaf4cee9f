/**
 * Free space on the data folder's disk. A reserve file is released bit by bit when the disk is
 * full, so that users can still sign in, cancel, and delete what takes the space.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { DiskSpace } from '#shared/contract/rest/hub.ts'
import { AppError } from '#shared/contract/errors.ts'

const MIB = 1024 * 1024
export const RESERVE_FILE = 'reserve'
const RESERVE_BYTES = 8 * MIB
/** The size of one released piece. */
const SLICE_BYTES = MIB
/**
 * What a transaction may need: its pages in the WAL, and those that a checkpoint adds to the
 * database.
 */
const WRITE_BYTES = MIB
/** Below this, deferrable data (outputs, inventories, uploads) is refused. */
const LOW_BYTES = 16 * MIB
/** Below this, users are warned: the next upload may not fit. */
export const SHORT_BYTES = 512 * MIB
/** Enough to notice an exhausted quota. */
const PROBE_BYTES = 64 * 1024
/** What a first start writes, with a wide margin. */
const FIRST_START_BYTES = 4 * MIB

export type FreeSpace = ReturnType<typeof createFreeSpace>

const mib = (bytes: number): string =>
  bytes >= MIB ? `${Math.floor(bytes / MIB)} MiB` : `${Math.floor(bytes / 1024)} KiB`

/**
 * Bytes that may still be written in the file system of this folder, or of its nearest existing
 * parent. Infinity: unknown.
 */
export function freeBytesAt(folder: string): number {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const { bavail, bfree, bsize } = statfsSync(at)
      // Root may use what a file system reserves.
      return (process.getuid?.() === 0 ? bfree : bavail) * bsize
    } catch {
      if (dirname(at) === at) return Infinity
    }
  }
}

/** @throws AppError E_DISK_FULL if fewer than `needed` bytes are free */
export function checkFreeSpace(folder: string, needed: number, what: string): void {
  const free = freeBytesAt(folder)
  if (free >= needed) return
  throw new AppError(
    'E_DISK_FULL',
    `The disk that holds ${folder} has ${mib(free)} free; ${what} needs ${mib(needed + MIB - 1)} (ENOSPC). Free some space on it, then start DeployX again.`,
  )
}
/** @throws AppError E_DISK_FULL */
export const checkFreeSpaceForFirstStart = (folder: string): void =>
  checkFreeSpace(folder, FIRST_START_BYTES, 'a first start')

export function createFreeSpace(dataDir: string) {
  const file = join(dataDir, RESERVE_FILE)
  let filling: Promise<void> | null = null
  const held = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

  /** @returns false if nothing is left to release */
  function releaseSlice(): boolean {
    const size = held()
    if (size === 0) return false
    try {
      if (size <= SLICE_BYTES) rmSync(file, { force: true })
      else {
        const handle = openSync(file, 'r+')
        try {
          ftruncateSync(handle, fstatSync(handle).size - SLICE_BYTES)
        } finally {
          closeSync(handle)
        }
      }
      return true
    } catch {
      return false
    }
  }

  /**
   * Writes a small file and removes it, because SQLite reports an exhausted quota like a broken disk.
   * @returns the system's code if there is no room, otherwise null
   */
  function probe(): 'ENOSPC' | 'EDQUOT' | null {
    const path = join(dataDir, `.space-test-${randomBytes(6).toString('hex')}`)
    try {
      const handle = openSync(path, 'wx', 0o600)
      try {
        for (let rest = PROBE_BYTES; rest > 0;) rest -= writeSync(handle, randomBytes(rest))
        // Network file systems report it only now.
        fsyncSync(handle)
      } finally {
        closeSync(handle)
      }
      return null
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return code === 'ENOSPC' || code === 'EDQUOT' ? code : null
    } finally {
      rmSync(path, { force: true })
    }
  }

  async function fill(): Promise<void> {
    const block = randomBytes(SLICE_BYTES)
    try {
      // A quarter of the free space, so that a small disk keeps room for work.
      while (held() < RESERVE_BYTES && freeBytesAt(dataDir) / 4 > SLICE_BYTES + held())
        await appendFile(file, block, { mode: 0o600 })
    } catch {
      // Another process was faster: what exists of the reserve stays.
    }
  }

  return {
    /**
     * Before a write: releases as much of the reserve as needed. Costs a few microseconds if there
     * is room.
     */
    ensure(bytes = WRITE_BYTES): void {
      while (freeBytesAt(dataDir) < bytes && releaseSlice());
    },
    /** A write failed for lack of space that the file system did not report, such as a quota. */
    releaseSlice,
    probe,
    /** Whether deferrable work should wait. */
    isLow: (): boolean => freeBytesAt(dataDir) < LOW_BYTES,
    freeBytes: (): number => freeBytesAt(dataDir),
    /** For the console. */
    now(): DiskSpace {
      const free = freeBytesAt(dataDir)
      return {
        level: free < LOW_BYTES ? 'low' : free < SHORT_BYTES ? 'short' : 'enough',
        free_bytes: Number.isFinite(free) ? free : null,
      }
    },
    /** Creates or refills the reserve if there is room for it. Never rejects. */
    refill: (): Promise<void> => (filling ??= fill().finally(() => (filling = null))),
  }
}
