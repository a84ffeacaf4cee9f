/** Warnings while the disk with the controller's data fills up. */
import type { DiskRoom } from '#shared/contract/rest/entities.ts'
import { formatBytes } from './format.ts'

const CURE = 'Delete software you no longer need, or free space on that disk.'

/** Null: there is enough space. */
export function diskInWords({ level, free_bytes }: DiskRoom): string | null {
  if (level === 'enough') return null
  const left = free_bytes === null ? 'little space' : formatBytes(free_bytes)
  return level === 'low'
    ? `The disk with the controller’s data is almost full: ${left} left. Uploads, installer output and inventories are refused until there is room. ${CURE}`
    : `The disk with the controller’s data has ${left} left. ${CURE}`
}
