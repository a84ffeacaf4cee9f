/**
 * Processes that an installer left running when it ended: bootstrappers return before the real setup has
 * finished. If the detection rule does not confirm a reported success, it is repeated until these processes
 * have ended.
 */
import type { AttemptId } from '#shared/domain/ids.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Presence } from '../install/installers.ts'
import { hasLeftBehind } from '../lib/processes.ts'
import { linkedSignal } from '../lib/wait.ts'
import { markerOf, readInstaller } from '../supervisor/files.ts'
import type { AttemptFolders } from './folders.ts'
import type { Progress } from './progress.ts'

const WAIT_MAX_MS = 10 * 60_000
const POLL_MS = 500
/** A rule may be a script, so the interval between checks grows. */
const CHECK_FIRST_MS = 2_000
const CHECK_MAX_MS = 30_000

type LeftBehindWait = {
  run: {
    id: AttemptId
    folders: Pick<AttemptFolders, 'records'>
    progress: Progress
    canceled: AbortSignal
    stopped: AbortSignal
  }
  /** The wait is limited to what is left of this. */
  timeoutSeconds: number
  /** Evaluates the rule. */
  detect: () => Promise<Presence | null>
  isSettled: (presence: Presence | null) => boolean
  appendOutput: (line: string) => void
  onTick: () => void
  clock: Clock
}

/**
 * Waits until the rule has the expected result, all left-behind processes have ended, the time is over, or a
 * user cancels. @returns the rule's last result, and whether something is still running; throws the reason
 * when the agent stops
 */
export async function waitForLeftBehind(
  presence: Presence | null,
  { run, timeoutSeconds, detect, isSettled, appendOutput, onTick, clock }: LeftBehindWait,
): Promise<{ presence: Presence | null; runsOn: boolean }> {
  const installer = readInstaller(run.folders.records)
  const usedSeconds =
    installer === null ? 0 : clock.uptimeSeconds() - installer.started_uptime_seconds
  const limitMs = Math.min(WAIT_MAX_MS, Math.max(0, timeoutSeconds - usedSeconds) * 1000)
  const until = clock.monotonicMs() + limitMs
  const runsOn = (): boolean => hasLeftBehind(markerOf(run.id), installer?.process.pid ?? null)
  let checkEveryMs = CHECK_FIRST_MS
  let checkAt = clock.monotonicMs() + checkEveryMs
  let hasNotified = false
  const { signal, release } = linkedSignal(run.stopped, run.canceled)
  try {
    while (runsOn()) {
      run.stopped.throwIfAborted()
      if (run.canceled.aborted || clock.monotonicMs() > until) return { presence, runsOn: true }
      if (!hasNotified) {
        hasNotified = true
        const minutes = Math.ceil(limitMs / 60_000)
        appendOutput(
          `The installer has ended, but processes that it started are still running. Waiting for them, at most ${minutes} min.`,
        )
        run.progress.set({ phase: 'installing', reason: 'verifying' })
      }
      if (clock.monotonicMs() > checkAt) {
        presence = await detect()
        if (isSettled(presence)) return { presence, runsOn: true }
        checkEveryMs = Math.min(checkEveryMs * 2, CHECK_MAX_MS)
        checkAt = clock.monotonicMs() + checkEveryMs
      }
      onTick()
      await clock.sleep(POLL_MS, signal)
    }
  } finally {
    release()
  }
  run.stopped.throwIfAborted()
  // The last of them may have ended after the rule was evaluated.
  return { presence: await detect(), runsOn: false }
}
