/** Lets other work run between the steps of long work. */
import type { TickerTime } from './ticker.ts'

/** Other work waits no longer than this, plus one step. */
const WORK_MS = 10

/** @returns a function to await after each step: it gives other work a turn if enough time has passed */
export function createTurns(
  time: Pick<TickerTime, 'monotonicMs' | 'nextTurn'>,
): () => Promise<void> {
  let sinceMs = time.monotonicMs()
  return async () => {
    if (time.monotonicMs() - sinceMs < WORK_MS) return
    await new Promise<void>((resolve) => void time.nextTurn(resolve))
    sinceMs = time.monotonicMs()
  }
}
