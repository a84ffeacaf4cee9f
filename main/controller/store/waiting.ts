/**
 * Waits for another program's lock on the database (a backup, a virus scanner) off the event loop:
 * SQLite's own wait would block the whole hub.
 */
import type Database from 'better-sqlite3'
import type { Clock } from '#shared/node/clock.ts'
import { AppError } from '#shared/contract/errors.ts'
import { asStorageError, storageFailure } from './failures.ts'

/** How long a request waits before it is refused as busy. */
const WAIT_MS = 4_000
const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 200
/** Minimum time between two checks of the lock, shared by all waiting requests. */
const LOOK_EVERY_MS = 10

export type Waiting = {
  /**
   * Resolves once a transaction can begin.
   * @param limitMs defaults to 4 s
   * @throws AppError E_BUSY after that time
   */
  whenWritable: (limitMs?: number) => Promise<void>
  /**
   * One transaction, which waits for another program's lock. `work` is synchronous and runs once.
   */
  write: <T>(work: () => T, limitMs?: number) => Promise<T>
}

export function createWaiting(deps: {
  sqlite: Database.Database
  transaction: <T>(work: () => T) => T
  /** For statements that follow without a transaction. */
  ensureFreeSpace: () => void
  clock: Clock
}): Waiting {
  const { sqlite, clock } = deps
  let lockedAtMs = -Infinity

  function canWrite(): boolean {
    if (sqlite.inTransaction) return true
    if (clock.monotonicMs() - lockedAtMs < LOOK_EVERY_MS) return false
    try {
      sqlite.exec('BEGIN IMMEDIATE')
      sqlite.exec('ROLLBACK')
      return true
    } catch (error) {
      // The write itself reports anything other than a lock.
      if (storageFailure(error)?.kind !== 'busy') return true
      lockedAtMs = clock.monotonicMs()
      return false
    }
  }
  async function whenWritable(limitMs = WAIT_MS): Promise<void> {
    deps.ensureFreeSpace()
    const endMs = clock.monotonicMs() + limitMs
    for (let waitMs = FIRST_WAIT_MS; !canWrite(); waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      if (clock.monotonicMs() + waitMs > endMs)
        throw asStorageError(Object.assign(new Error('locked'), { code: 'SQLITE_BUSY' }))
      await clock.sleep(waitMs)
    }
  }

  return {
    whenWritable,
    async write(work, limitMs = WAIT_MS) {
      const endMs = clock.monotonicMs() + limitMs
      for (;;) {
        await whenWritable(Math.max(0, endMs - clock.monotonicMs()))
        try {
          return deps.transaction(work)
        } catch (error) {
          // Locked again in between: `work` has not started.
          const isBusy = error instanceof AppError && error.code === 'E_BUSY'
          if (!isBusy || clock.monotonicMs() >= endMs) throw error
        }
      }
    },
  }
}
