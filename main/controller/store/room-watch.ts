/** Reports when the data folder's disk fills up or has space again; nothing else does. */
import type { DiskRoom } from '#shared/contract/rest/entities.ts'

const LOOK_EVERY_MS = 5_000
const MIB = 1024 * 1024

/** What is reported: the level, and the remaining space once it is short. */
const reported = ({ level, free_bytes }: DiskRoom): string =>
  level === 'enough' ? level : `${level} ${Math.floor((free_bytes ?? 0) / MIB)}`

export function watchRoom(
  room: { now: () => DiskRoom },
  changed: () => void,
  everyMs = LOOK_EVERY_MS,
): { stop: () => void } {
  let last = reported(room.now())
  const timer = setInterval(() => {
    const now = reported(room.now())
    if (now === last) return
    last = now
    changed()
  }, everyMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
