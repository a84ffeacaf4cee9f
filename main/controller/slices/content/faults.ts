/**
 * Stored files that cannot be used: missing or changed. A file is never considered intact because
 * of its size: it is read again and compared with the hashes of its chunks, off the event loop.
 */
import { webcrypto } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { CHUNK_BYTES } from '#shared/domain/defaults.ts'
import type { Sha256 } from '#shared/domain/ids.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Log } from '../../base/context.ts'

export type FileFault = 'missing' | 'damaged'

/** An intact file is not read again within this time, however many PCs report it. */
const SOUND_FOR_MS = 60_000
/** Files remembered as intact. */
const SOUND_LIMIT = 1_000
const HASH_BYTES = 32

export type Faults = ReturnType<typeof createFaults>

/**
 * Whether the file has `sizeBytes` bytes and every chunk matches its hash. @throws errors of the
 * file system
 */
async function isSound(handle: FileHandle, sizeBytes: number, hashes: Buffer): Promise<boolean> {
  if ((await handle.stat()).size !== sizeBytes) return false
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes))
  for (let at = 0, chunk = 0; at < sizeBytes; at += CHUNK_BYTES, chunk++) {
    const wanted = Math.min(CHUNK_BYTES, sizeBytes - at)
    for (let done = 0; done < wanted;) {
      const { bytesRead } = await handle.read(buffer, done, wanted - done, at + done)
      if (bytesRead === 0) return false
      done += bytesRead
    }
    const digest = await webcrypto.subtle.digest('SHA-256', buffer.subarray(0, wanted))
    const stored = hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES)
    if (!stored.equals(Buffer.from(digest))) return false
  }
  return true
}

export function createFaults(deps: {
  pathOf: (sha256: Sha256) => string
  /** What is stored under this hash; null if nothing is. */
  stored: (sha256: Sha256) => { sizeBytes: number; chunkHashes: Buffer } | null
  /** Records the damage, so that it is known after a restart. */
  remember: (sha256: Sha256) => void
  clock: Clock
  log: Log
}) {
  const faults = new Map<Sha256, FileFault>()
  const listeners = new Set<(sha256: Sha256) => void>()
  /** When each was found intact, on the monotonic clock. */
  const soundAtMs = new Map<Sha256, number>()
  /**
   * Running and waiting checks, one per file. They run one after the other, because a disk reads
   * single files fastest.
   */
  const checks = new Map<Sha256, Promise<FileFault | null>>()
  /**
   * Incremented whenever a file is replaced: a check of the old file does not apply to the new
   * one.
   */
  const versions = new Map<Sha256, number>()
  let last: Promise<unknown> = Promise.resolve()
  let stopped = false

  const versionOf = (sha256: Sha256): number => versions.get(sha256) ?? 0

  function set(sha256: Sha256, fault: FileFault): void {
    if (faults.get(sha256) === fault) return
    faults.set(sha256, fault)
    soundAtMs.delete(sha256)
    deps.log.error(
      { sha256, fault },
      fault === 'missing'
        ? 'a stored file is missing: upload the package again'
        : 'a stored file is damaged: upload the package again',
    )
    try {
      if (fault === 'damaged') deps.remember(sha256)
    } catch (error) {
      // The next start has to detect it again.
      deps.log.error({ err: error, sha256 }, 'a damaged stored file could not be recorded')
    }
    for (const listener of listeners) listener(sha256)
  }

  /** Null also if the file cannot be compared, because it was replaced or removed meanwhile. */
  async function look(sha256: Sha256): Promise<FileFault | null> {
    const version = versionOf(sha256)
    const kept = deps.stored(sha256)
    if (!kept || stopped) return null
    let fault: FileFault | null = null
    try {
      const handle = await open(deps.pathOf(sha256), 'r')
      try {
        if (!(await isSound(handle, kept.sizeBytes, kept.chunkHashes))) fault = 'damaged'
      } finally {
        await handle.close()
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Too many open files, or missing permissions: this reveals nothing about the bytes.
      if (code !== 'ENOENT' && code !== 'EIO') throw error
      fault = code === 'ENOENT' ? 'missing' : 'damaged'
    }
    if (stopped || version !== versionOf(sha256) || !deps.stored(sha256))
      return faults.get(sha256) ?? null
    if (fault) set(sha256, fault)
    else {
      if (soundAtMs.size >= SOUND_LIMIT) soundAtMs.clear()
      soundAtMs.set(sha256, deps.clock.monotonicMs())
    }
    return fault
  }

  return {
    /** The file's known fault. Cheap: does not read the disk. */
    of: (sha256: Sha256): FileFault | null => faults.get(sha256) ?? null,
    set,
    /** Incremented with every replacement of this file. */
    versionOf,
    /** The file was replaced by verified bytes, or removed. */
    replaced(sha256: Sha256): void {
      versions.set(sha256, versionOf(sha256) + 1)
      soundAtMs.delete(sha256)
      faults.delete(sha256)
    },
    /**
     * Reads the file and compares it with its hashes, unless that was done a moment ago. Each file
     * is read once at a time for all callers. Never rejects; null: no known fault.
     */
    check(sha256: Sha256): Promise<FileFault | null> {
      const known = faults.get(sha256)
      if (known) return Promise.resolve(known)
      const soundAt = soundAtMs.get(sha256)
      if (soundAt !== undefined && deps.clock.monotonicMs() - soundAt < SOUND_FOR_MS)
        return Promise.resolve(null)
      const running = checks.get(sha256)
      if (running) return running
      const check = last
        .then(() => look(sha256))
        .catch((error: unknown) => {
          deps.log.error({ err: error, sha256 }, 'a stored file could not be checked')
          return null
        })
        .finally(() => checks.delete(sha256))
      last = check
      checks.set(sha256, check)
      return check
    },
    /** Called when a file turns out to be unusable. */
    onFault(listener: (sha256: Sha256) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Ends checks after the current file, and waits for it. */
    async stop(): Promise<void> {
      stopped = true
      await last
    },
  }
}
