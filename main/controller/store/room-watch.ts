/** Notices that the disk of the data folder fills up, or has room again: nothing else says so. */
import type { DiskRoom } from '#shared/contract/entities.ts'

const LOOK_EVERY_MS = 5_000
const MIB = 1024 * 1024

/** What people are told of: the level, and how much is left once that matters. */
const told = ({ level, free_bytes }: DiskRoom): string =>
  level === 'enough' ? level : `${level} ${Math.floor((free_bytes ?? 0) / MIB)}`

export function watchRoom(
  room: { now: () => DiskRoom },
  changed: () => void,
  everyMs = LOOK_EVERY_MS,
): { stop: () => void } {
  let last = told(room.now())
  const timer = setInterval(() => {
    const now = told(room.now())
    if (now === last) return
    last = now
    changed()
  }, everyMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
