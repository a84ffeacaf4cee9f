/** A PC's inventory in words. */
import type { DiskInfo, HardwareInfo, OsInfo, RebootReason } from '#shared/domain/inventory.ts'
import { formatBytes, formatExact } from '../../ui/lib/format.ts'
import { t } from './texts.ts'

const REBOOT_TEXT: Record<RebootReason, string> = {
  windows_update: t('inventory.windowsUpdate'),
  component_servicing: t('inventory.windowsComponent'),
  file_renames: t('inventory.fileRenames'),
  package_update: t('inventory.packageUpdate'),
}

/** Why a restart is pending; null if no reason was reported. */
export const rebootText = (reasons: readonly RebootReason[]): string | null =>
  reasons.length === 0 ? null : reasons.map((reason) => REBOOT_TEXT[reason]).join(', ')

export type DiskLook = {
  /** The used share, 0…1. */
  used: number
  tone: 'plain' | 'waiting' | 'failed'
  /** A warning beside the figure; null while there is enough space. */
  word: string | null
  text: string
}

/** Thresholds as the share of the disk that is free. */
const LOW = 0.1
const NEARLY_FULL = 0.03

export function lookOfDisk({ size_bytes: size, free_bytes: free }: DiskInfo): DiskLook {
  const left = size > 0 ? Math.min(1, free / size) : 0
  const text = t('inventory.freeOf', { free: formatBytes(free), size: formatBytes(size) })
  const look = { used: 1 - left, text }
  if (left < NEARLY_FULL) return { ...look, tone: 'failed', word: t('inventory.nearlyFull') }
  if (left < LOW) return { ...look, tone: 'waiting', word: t('inventory.lowOnSpace') }
  return { ...look, tone: 'plain', word: null }
}

type Fact = { label: string; value: string | null; mono?: boolean; copy?: boolean; testid?: string }

/** Maker and model in one line. */
export const modelText = ({ manufacturer, model }: HardwareInfo): string | null =>
  [manufacturer, model].filter(Boolean).join(' ') || null

export function hardwareFacts(hardware: HardwareInfo): Fact[] {
  const { manufacturer, model, processors, memory_bytes: memory } = hardware
  return [
    { label: t('inventory.manufacturer'), value: manufacturer },
    {
      label: t('inventory.model'),
      value: hardware.virtual ? t('inventory.virtual', { model: model ?? '' }).trim() : model,
    },
    { label: t('inventory.serialNumber'), value: hardware.serial, mono: true, copy: true },
    { label: t('inventory.processor'), value: hardware.cpu },
    {
      label: t('inventory.threads'),
      value: processors === null ? null : t('inventory.logicalProcessor', { n: processors }),
    },
    { label: t('inventory.memory'), value: memory === null ? null : formatBytes(memory) },
    { label: t('inventory.firmware'), value: hardware.firmware },
  ]
}

export const systemFacts = (os: OsInfo): Fact[] => [
  { label: t('inventory.system'), value: [os.name, os.version].filter(Boolean).join(' ') },
  { label: t('inventory.build'), value: os.build, mono: true },
  { label: t('inventory.installed'), value: os.installed_at && formatExact(os.installed_at) },
  { label: t('inventory.lastStart'), value: os.booted_at && formatExact(os.booted_at) },
]

/** Who is signed in. */
export const usersText = (users: readonly string[] | null): string | null =>
  users === null ? null : users.length === 0 ? t('inventory.nobody') : users.join(', ')
