/**
 * Whether this computer has a network at all. Without one, the controller cannot observe any PC, so
 * none may be marked offline because of it.
 */
import { networkInterfaces } from 'node:os'
import type { Clock } from '../../base/context.ts'

const LOOK_EVERY_MS = 5_000
/** After this long without a network, PCs count as offline. */
const WAIT_LIMIT_MS = 15 * 60_000

export const hasNetwork = (): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some(({ internal }) => !internal))

/**
 * @param deps.isUp default: any interface except loopback has an address
 * @param deps.lost called repeatedly while a network that was up is down, for at most 15 minutes
 * @returns the function that stops the watch
 */
export function watchOwnNetwork(deps: {
  clock: Pick<Clock, 'setTimer' | 'awakeMs'>
  isUp?: () => boolean
  lost: () => void
}): () => void {
  const { clock, isUp = hasNetwork } = deps
  let lastUpMs: number | null = isUp() ? clock.awakeMs() : null
  let cancel = clock.setTimer(LOOK_EVERY_MS, look)
  function look(): void {
    cancel = clock.setTimer(LOOK_EVERY_MS, look)
    if (isUp()) lastUpMs = clock.awakeMs()
    else if (lastUpMs !== null && clock.awakeMs() - lastUpMs < WAIT_LIMIT_MS) deps.lost()
  }
  return () => cancel()
}
