/**
 * Whether this computer has a network at all. While it has none, nothing that PCs do or fail to do can be seen from here, so
 * nobody may be called offline for it.
 */
import { networkInterfaces } from 'node:os'
import type { Clock } from '../context.ts'

const LOOK_EVERY_MS = 5_000
/** A network that is away for longer will not be back in a moment: from then on PCs count as what they are, out of reach. */
const WAIT_LIMIT_MS = 15 * 60_000

export const hasNetwork = (): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some(({ internal }) => !internal))

/**
 * @param deps.isUp default: any interface but loopback has an address
 * @param deps.lost called again and again while a network that was there is away, at most for 15 minutes
 * @returns the function that stops it
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
