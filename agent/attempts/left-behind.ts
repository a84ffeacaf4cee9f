/**
 * What an installer started and left running when it ended: bootstrappers return before the real setup has done its work. Where
 * the detection rule does not agree with the success that was reported, it is asked again until they have ended.
 */
import { uptime } from 'node:os'
import type { AttemptId } from '#shared/domain/ids.ts'
import type { Presence } from '../install/installers.ts'
import { hasLeftBehind } from '../lib/processes.ts'
import { linkedSignal, wait } from '../lib/wait.ts'
import { markerOf, readInstaller } from '../supervisor/files.ts'
import type { AttemptPlaces } from './places.ts'
import type { Progress } from './progress.ts'

const WAIT_MAX_MS = 10 * 60_000
const LOOK_EVERY_MS = 500
/** A rule may be a script: it is asked less and less often. */
const ASK_FIRST_MS = 2_000
const ASK_MAX_MS = 30_000

type Asked = {
  run: {
    id: AttemptId
    places: Pick<AttemptPlaces, 'records'>
    progress: Progress
    canceled: AbortSignal
    stopped: AbortSignal
  }
  /** What is left of it is the longest that is waited. */
  timeoutSeconds: number
  /** Asks the rule. */
  ask: () => Promise<Presence | null>
  isSettled: (presence: Presence | null) => boolean
  say: (line: string) => void
  onTick: () => void
}

/**
 * Waits until the rule is settled, all that was left behind has ended, the time is over, or a person cancels.
 * @returns the rule's last answer, and whether something still runs; throws the reason when the agent stops
 */
export async function waitForLeftBehind(
  presence: Presence | null,
  { run, timeoutSeconds, ask, isSettled, say, onTick }: Asked,
): Promise<{ presence: Presence | null; runsOn: boolean }> {
  const installer = readInstaller(run.places.records)
  const usedSeconds = installer === null ? 0 : uptime() - installer.started_uptime_seconds
  const limitMs = Math.min(WAIT_MAX_MS, Math.max(0, timeoutSeconds - usedSeconds) * 1000)
  const until = performance.now() + limitMs
  const runsOn = (): boolean => hasLeftBehind(markerOf(run.id), installer?.process.pid ?? null)
  let askEveryMs = ASK_FIRST_MS
  let askAt = performance.now() + askEveryMs
  let hasSaid = false
  const { signal, release } = linkedSignal(run.stopped, run.canceled)
  try {
    while (runsOn()) {
      run.stopped.throwIfAborted()
      if (run.canceled.aborted || performance.now() > until) return { presence, runsOn: true }
      if (!hasSaid) {
        hasSaid = true
        const minutes = Math.ceil(limitMs / 60_000)
        say(
          `The installer has ended, and what it started goes on. Waiting for it, ${minutes} min at most.`,
        )
        run.progress.set({ phase: 'installing', reason: 'verifying' })
      }
      if (performance.now() > askAt) {
        presence = await ask()
        if (isSettled(presence)) return { presence, runsOn: true }
        askEveryMs = Math.min(askEveryMs * 2, ASK_MAX_MS)
        askAt = performance.now() + askEveryMs
      }
      onTick()
      await wait(LOOK_EVERY_MS, signal)
    }
  } finally {
    release()
  }
  run.stopped.throwIfAborted()
  // The last of them may have ended between the rule's answer and the look.
  return { presence: await ask(), runsOn: false }
}
