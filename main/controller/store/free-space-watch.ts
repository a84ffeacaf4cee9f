/** Reports when the data folder's disk fills up or has space again; nothing else does. */
import type { Clock } from '#shared/node/clock.ts'
import type { DiskSpace } from '#shared/contract/rest/hub.ts'

const LOOK_EVERY_MS = 5_000
const MIB = 1024 * 1024

/** What is reported: the level, and the remaining space once it is short. */
const reported = ({ level, free_bytes }: DiskSpace): string =>
  level === 'enough' ? level : `${level} ${Math.floor((free_bytes ?? 0) / MIB)}`

export function watchFreeSpace(
  freeSpace: { now: () => DiskSpace },
  changed: () => void,
  clock: Pick<Clock, 'repeat'>,
  everyMs = LOOK_EVERY_MS,
): { stop: () => void } {
  let last = reported(freeSpace.now())
  const stop = clock.repeat(everyMs, () => {
    const now = reported(freeSpace.now())
    if (now === last) return
    last = now
    changed()
  })
  return { stop }
}
