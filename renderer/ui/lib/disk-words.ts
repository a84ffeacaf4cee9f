/** Warnings while the disk with the controller's data fills up. */
import type { DiskSpace } from '#shared/contract/rest/hub.ts'
import { formatBytes } from './format.ts'
import { t } from '../texts.ts'

/** Null: there is enough space. */
export function diskInWords({ level, free_bytes }: DiskSpace): string | null {
  if (level === 'enough') return null
  const left = free_bytes === null ? t('disk.littleSpace') : formatBytes(free_bytes)
  return t(level === 'low' ? 'disk.low' : 'disk.short', { left })
}
