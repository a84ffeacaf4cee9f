/**
 * Attempts that this PC defers because their conditions do not allow them now; none of them has started. Each stays in
 * the journal until the hub has acknowledged the deferral. After a restart of the agent it is open again, and
 * the conditions are checked again.
 */
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS } from '#shared/domain/defaults.ts'
import type { AttemptId } from '#shared/domain/ids.ts'
import type { DeferReason } from '#shared/domain/reasons.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import type { StateFolder } from '../identity/state-folder.ts'
import type { Journal } from '../journal/journal.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { createBackoff } from '../lib/wait.ts'
import type { Reporter } from '../link/reporter.ts'
import { namesOf } from './names.ts'
import { removeFolders } from './folders.ts'

/** A downloaded package is kept for the next offer of the attempt: this long, or until the agent ends. */
const KEEP_PACKAGE_MS = 24 * 3_600_000

export type Deferrals = ReturnType<typeof createDeferrals>

export function createDeferrals(deps: {
  journal: Journal
  reporter: Reporter
  folders: Pick<StateFolder, 'attemptsDir' | 'workDir'>
  stopped: AbortSignal
  clock: Clock
  random: Random
  log: Log
}) {
  const { journal, reporter, stopped, clock, log } = deps
  /** Deferrals that are not acknowledged yet, each with a symbol of its own. */
  const pending = new Map<AttemptId, symbol>()

  function forgetPackageLater(id: AttemptId): void {
    clock.setTimer(KEEP_PACKAGE_MS, () => {
      if (!journal.attempt(id)) removeFolders(deps.folders, id)
    })
  }

  async function report(id: AttemptId, time: symbol, deferReason: DeferReason): Promise<void> {
    const backoff = createBackoff(deps.random, RECONNECT_MIN_MS, RECONNECT_MAX_MS)
    const report = {
      ...namesOf(journal.attempt(id)!.payload),
      phase: 'downloading' as const,
      reason: 'retry_later' as const,
      held_by: deferReason,
    }
    for (;;) {
      await reporter.whenReady(stopped)
      if (pending.get(id) !== time) return
      try {
        const { committed } = await reporter.report('deployment_progress', report)
        // Meanwhile the hub may have sent it again, or cancelled it.
        if (pending.get(id) !== time) return
        if (committed) {
          journal.acknowledge(id)
          pending.delete(id)
          return forgetPackageLater(id)
        }
      } catch (error) {
        log.debug(
          { attempt: id, why: errorText(error) },
          'the deferral of an attempt is not acknowledged yet',
        )
      }
      await clock.sleep(backoff.nextMs(), stopped)
    }
  }

  return {
    /** Reports the deferral to the hub until it is acknowledged. */
    add(id: AttemptId, deferReason: DeferReason): void {
      const time = Symbol(id)
      pending.set(id, time)
      report(id, time, deferReason).catch((error: unknown) => {
        if (!stopped.aborted)
          log.error({ err: error, attempt: id }, 'the deferral of an attempt could not be reported')
      })
    },
    /** Whether its deferral is being reported; no work is done on it meanwhile. */
    has: (id: AttemptId): boolean => pending.has(id),
    /**
     * Ends the deferral, because the PC may work on the attempt now. @returns whether it was being reported
     */
    end: (id: AttemptId): boolean => pending.delete(id),
  }
}
