/**
 * Whether this computer has a network at all. Without one, the controller cannot observe any PC, so
 * none may be marked offline because of it.
 */
import type { Clock } from '../../base/context.ts'
import { isNetwork, readOwn, type IsDefaultRoute } from '../../base/lan-addresses.ts'

const LOOK_EVERY_MS = 5_000
/** After this long without a network, PCs count as offline. */
const WAIT_LIMIT_MS = 15 * 60_000

/**
 * @param deps.isUp default: an interface that leads to other computers has an address
 * @param deps.lost called repeatedly while a network that was up is down, for at most 15 minutes
 * @returns the function that stops the watch
 */
export function watchOwnNetwork(deps: {
  clock: Pick<Clock, 'setTimer' | 'awakeMs'>
  isDefaultRoute: IsDefaultRoute
  isUp?: () => boolean
  lost: () => void
}): () => void {
  const { clock, isUp = () => isNetwork(readOwn(), deps.isDefaultRoute) } = deps
  let lastUpMs: number | null = isUp() ? clock.awakeMs() : null
  let cancel = clock.setTimer(LOOK_EVERY_MS, look)
  function look(): void {
    cancel = clock.setTimer(LOOK_EVERY_MS, look)
    if (isUp()) lastUpMs = clock.awakeMs()
    else if (lastUpMs !== null && clock.awakeMs() - lastUpMs < WAIT_LIMIT_MS) deps.lost()
  }
  return () => cancel()
}
