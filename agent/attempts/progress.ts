/**
 * Progress of one attempt: only the newest state counts, at most a few reports a second, and lost reports are
 * not repeated.
 */
import type { DeploymentProgress } from '#shared/contract/agent/link.ts'
import type { Cancel, Clock } from '#shared/node/clock.ts'
import type { Reporter } from '../link/reporter.ts'
import type { AttemptNames } from './names.ts'

const INTERVAL_MS = 250

export type ProgressState = Pick<DeploymentProgress, 'phase' | 'bytes' | 'total_bytes' | 'reason'>
export type Progress = { set: (state: ProgressState) => void; stop: () => void }

export function createProgress(
  names: AttemptNames,
  { reporter, clock }: { reporter: Reporter; clock: Pick<Clock, 'setTimer'> },
): Progress {
  let wanted: ProgressState | null = null
  let isSending = false
  let isStopped = false
  let cancelTimer: Cancel | null = null

  function send(): void {
    cancelTimer = null
    if (!wanted || isSending || isStopped) return
    if (!reporter.isReady()) return later(INTERVAL_MS)
    const state = wanted
    wanted = null
    isSending = true
    reporter
      .report('deployment_progress', { ...names, ...state })
      // Possibly lost with its link: send it again, unless there is a newer state.
      .catch(() => (wanted ??= state))
      .finally(() => {
        isSending = false
        if (wanted) later(INTERVAL_MS)
      })
  }
  function later(ms: number): void {
    if (!isStopped) cancelTimer ??= clock.setTimer(ms, send)
  }
  return {
    set(state) {
      wanted = state
      if (!isSending) later(0)
    },
    stop() {
      isStopped = true
      cancelTimer?.()
    },
  }
}
