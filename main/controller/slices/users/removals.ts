/**
 * Removed accounts. What they own is transferred a slice at a time, with time for other work in
 * between; until all of it is, their rows stay, marked as removed. A restart continues.
 */
import type { UserId } from '#shared/domain/ids.ts'
import { isoTime, type Clock, type Log, type Now } from '../../base/context.ts'
import { createTicker } from '../../base/ticker.ts'
import type { Store } from '../../store/store.ts'
import type { Ownership, Transferred } from './ownership.types.ts'
import type { UserRow, UsersRepo } from './users.repo.ts'

/** PCs and deployments per transaction: several milliseconds of work. */
const MOVED_AT_ONCE = 50
/** How often a transfer is continued that another program or a full disk has stopped. */
const RETRY_MS = 30_000

export type Removals = ReturnType<typeof createRemovals>
export function createRemovals(deps: {
  store: Store
  repo: UsersRepo
  ownership: Pick<Ownership, 'transfer' | 'transferred'>
  now: Now
  clock: Clock
  log: Log
}) {
  const { store, repo, ownership } = deps

  /** Transfers the next slice and, after the last one, deletes the row. Inside a transaction. */
  function step(row: UserRow, successor: UserId | null): Transferred {
    const moved = ownership.transfer(row.id, successor, row.username, MOVED_AT_ONCE)
    if (moved.isDone) repo.remove(row.id)
    return moved
  }

  const ticker = createTicker<UserId>({
    time: deps.clock,
    soonMs: 0,
    heartbeatMs: RETRY_MS,
    keys: () => repo.removed().map(({ id }) => id),
    run: (id) => {
      const row = repo.removed().find((removed) => removed.id === id)
      if (!row) return
      const moved = store.transaction(() => step(row, row.successor_id))
      ownership.transferred(moved.devices)
      return { more: !moved.isDone }
    },
    failed: (error) =>
      deps.log.error({ err: error }, 'what a removed user owned could not be transferred yet'),
  })

  return {
    /** Continues what an earlier run of the controller began. */
    start(): void {
      ticker.start()
      ticker.now(repo.removed().map(({ id }) => id))
    },
    /**
     * Removes an account. Inside a transaction; unless all is done, call `continueSoon` after it.
     * @param successor null: nobody
     */
    begin(row: UserRow, successor: UserId | null): Transferred {
      // What earlier accounts left to this one goes to the next.
      repo.replaceSuccessor(row.id, successor)
      const moved = step(row, successor)
      if (!moved.isDone) {
        repo.endSessionsOf(row.id)
        repo.markRemoved(row.id, successor, isoTime(deps.now()))
      }
      return moved
    },
    continueSoon: (id: UserId): void => ticker.now([id]),
    stop: (): Promise<void> => ticker.stop(),
  }
}
