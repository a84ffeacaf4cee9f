/** Bandwidth limits as users read and type them. They are stored in KiB/s. */
import {
  MAX_BANDWIDTH_KIB_S,
  MIN_BANDWIDTH_KIB_S,
  type ControllerSettings,
} from '#shared/contract/rest/settings-routes.ts'
import { formatSpeed } from './format.ts'
import { t } from '../texts.ts'

export const BANDWIDTH_UNITS = [
  { value: 'kib', label: 'KiB/s' },
  { value: 'mib', label: 'MiB/s' },
] as const
export type BandwidthUnit = (typeof BANDWIDTH_UNITS)[number]['value']
/** The form fields; an empty field means no limit. */
export type BandwidthDraft = { value: number | null; unit: BandwidthUnit }

const PER_UNIT = { kib: 1, mib: 1024 } as const

/** null → "no limit", 2048 → "2 MiB/s" */
export const bandwidthInWords = (kibPerSecond: number | null): string =>
  kibPerSecond === null ? t('bandwidth.none') : formatSpeed(kibPerSecond * 1024)

/** The limits of a running download: "limited to 2 MiB/s, 512 KiB/s each PC"; null: no limit. */
export function limitsInWords(
  settings: Pick<ControllerSettings, 'bandwidth_hub_kib_s' | 'bandwidth_device_kib_s'> | null,
): string | null {
  const hub = settings?.bandwidth_hub_kib_s ?? null
  const device = settings?.bandwidth_device_kib_s ?? null
  const parts = [
    hub === null ? '' : bandwidthInWords(hub),
    device === null ? '' : t('bandwidth.eachPc', { speed: bandwidthInWords(device) }),
  ].filter(Boolean)
  return parts.length > 0 ? t('bandwidth.limitedTo', { limits: parts.join(', ') }) : null
}

/** In MiB/s if at most two decimal places are enough, else in KiB/s. */
export function toDraft(kibPerSecond: number | null): BandwidthDraft {
  const mib = (kibPerSecond ?? 1024) / 1024
  const unit = mib >= 1 && Number.isInteger(mib * 100) ? 'mib' : 'kib'
  return { unit, value: kibPerSecond === null ? null : kibPerSecond / PER_UNIT[unit] }
}

/** In KiB/s, rounded; null: no limit; `invalid`: not a number within the bounds. */
export function fromDraft({ value, unit }: BandwidthDraft): number | null | 'invalid' {
  if (value === null) return null
  const kib = Math.round(value * PER_UNIT[unit])
  // Negated, so that NaN is rejected as well.
  return kib >= MIN_BANDWIDTH_KIB_S && kib <= MAX_BANDWIDTH_KIB_S ? kib : 'invalid'
}

export const BANDWIDTH_BOUNDS = t('bandwidth.bounds', {
  min: bandwidthInWords(MIN_BANDWIDTH_KIB_S),
  max: bandwidthInWords(MAX_BANDWIDTH_KIB_S),
})
