/** A PC's inventory in words. */
import type { DiskInfo, HardwareInfo, OsInfo, RebootReason } from '#shared/domain/inventory.ts'
import { countOf, formatBytes, formatExact } from '../../ui/lib/format.ts'

const REBOOT_TEXT: Record<RebootReason, string> = {
  windows_update: 'Windows Update',
  component_servicing: 'a part of Windows that was changed',
  file_renames: 'files that are replaced at the next start',
  package_update: 'packages that were updated',
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
  const text = `${formatBytes(free)} free of ${formatBytes(size)}`
  const look = { used: 1 - left, text }
  if (left < NEARLY_FULL) return { ...look, tone: 'failed', word: 'Nearly full' }
  if (left < LOW) return { ...look, tone: 'waiting', word: 'Low on space' }
  return { ...look, tone: 'plain', word: null }
}

type Fact = { label: string; value: string | null; mono?: boolean; copy?: boolean; testid?: string }

/** Maker and model in one line. */
export const modelText = ({ manufacturer, model }: HardwareInfo): string | null =>
  [manufacturer, model].filter(Boolean).join(' ') || null

export function hardwareFacts(hardware: HardwareInfo): Fact[] {
  const { manufacturer, model, processors, memory_bytes: memory } = hardware
  return [
    { label: 'Manufacturer', value: manufacturer },
    { label: 'Model', value: hardware.virtual ? `${model ?? ''} (virtual)`.trim() : model },
    { label: 'Serial number', value: hardware.serial, mono: true, copy: true },
    { label: 'Processor', value: hardware.cpu },
    {
      label: 'Threads',
      value: processors === null ? null : countOf(processors, 'logical processor'),
    },
    { label: 'Memory', value: memory === null ? null : formatBytes(memory) },
    { label: 'Firmware', value: hardware.firmware },
  ]
}

export const systemFacts = (os: OsInfo): Fact[] => [
  { label: 'System', value: [os.name, os.version].filter(Boolean).join(' ') },
  { label: 'Build', value: os.build, mono: true },
  { label: 'Installed', value: os.installed_at && formatExact(os.installed_at) },
  { label: 'Last start', value: os.booted_at && formatExact(os.booted_at) },
]

/** Who is signed in. */
export const usersText = (users: readonly string[] | null): string | null =>
  users === null ? null : users.length === 0 ? 'nobody' : users.join(', ')
