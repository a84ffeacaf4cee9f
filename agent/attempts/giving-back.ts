/**
 * Attempts that this PC may not work on now, on their way back to the hub. Until the hub has taken one back it stays in the
 * journal; after a restart it is simply open again, and looked at anew. Nothing of it was started.
 */
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS } from '#shared/domain/defaults.ts'
import type { AttemptId } from '#shared/domain/ids.ts'
import type { HeldBy } from '#shared/domain/reasons.ts'
import type { StateFolder } from '../identity/state-folder.ts'
import type { Journal } from '../journal/journal.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { createBackoff, wait } from '../lib/wait.ts'
import type { Reporter } from '../link/reporter.ts'
import { namesOf } from './names.ts'
import { removePlaces } from './places.ts'

/** What was fetched is kept for when the attempt comes again: so long, or until the agent ends. */
const KEEP_PACKAGE_MS = 24 * 3_600_000

export type GivingBack = ReturnType<typeof createGivingBack>

export function createGivingBack(deps: {
  journal: Journal
  reporter: Reporter
  folders: Pick<StateFolder, 'attemptsDir' | 'workDir'>
  stopped: AbortSignal
  log: Log
}) {
  const { journal, reporter, stopped, log } = deps
  /** Each time it is given back is another. */
  const held = new Map<AttemptId, symbol>()

  function forgetPackageLater(id: AttemptId): void {
    setTimeout(() => {
      if (!journal.attempt(id)) removePlaces(deps.folders, id)
    }, KEEP_PACKAGE_MS).unref()
  }

  async function tell(id: AttemptId, time: symbol, heldBy: HeldBy): Promise<void> {
    const backoff = createBackoff(RECONNECT_MIN_MS, RECONNECT_MAX_MS)
    const report = {
      ...namesOf(journal.attempt(id)!.payload),
      phase: 'downloading' as const,
      reason: 'retry_later' as const,
      held_by: heldBy,
    }
    for (;;) {
      await reporter.whenReady(stopped)
      if (held.get(id) !== time) return
      try {
        const { committed } = await reporter.report('deployment_progress', report)
        // Meanwhile it may have been given out again, or cancelled.
        if (held.get(id) !== time) return
        if (committed) {
          journal.acknowledge(id)
          held.delete(id)
          return forgetPackageLater(id)
        }
      } catch (error) {
        log.debug({ attempt: id, why: errorText(error) }, 'an attempt is not taken back yet')
      }
      await wait(backoff.nextMs(), stopped)
    }
  }

  return {
    /** Tells the hub, for as long as it takes. */
    add(id: AttemptId, heldBy: HeldBy): void {
      const time = Symbol(id)
      held.set(id, time)
      tell(id, time, heldBy).catch((error: unknown) => {
        if (!stopped.aborted) log.error({ err: error, attempt: id }, 'an attempt stays given back')
      })
    },
    /** Whether it is on its way back: nothing is done for it then. */
    has: (id: AttemptId): boolean => held.has(id),
    /** It is to be worked on after all. @returns whether it was on its way back */
    takeBack: (id: AttemptId): boolean => held.delete(id),
  }
}
