/** The state of a PC, and the order of PCs in a list. */
import type { Device } from '#shared/contract/rest/devices.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { byName } from '../../ui/lib/search.ts'
import type { Look } from '../../ui/lib/states.ts'
import { t } from './texts.ts'

/** Blocked and waiting for approval take precedence over online and offline. */
export function lookOfDevice(d: Pick<Device, 'online' | 'approved' | 'blocked'>): Look {
  if (d.blocked) return { label: t('state.blocked'), tone: 'failed', shape: 'slash' }
  if (!d.approved) return { label: t('state.waitsForApproval'), tone: 'waiting', shape: 'dashed' }
  return d.online
    ? { label: t('state.online'), tone: 'completed', shape: 'dot' }
    : { label: t('state.offline'), tone: 'skipped', shape: 'dashed' }
}

export const DEVICE_FILTERS = ['all', 'online', 'offline', 'restart', 'pending'] as const
export type DeviceFilter = (typeof DEVICE_FILTERS)[number]

export function inFilter(
  d: Pick<Device, 'online' | 'approved' | 'blocked' | 'reboot_pending'>,
  filter: DeviceFilter,
): boolean {
  switch (filter) {
    case 'all':
      return true
    case 'online':
      return d.online
    case 'offline':
      return !d.online
    case 'restart':
      return d.reboot_pending === true
    case 'pending':
      return !d.approved && !d.blocked
  }
}

const rank = (d: Device) => (!d.approved && !d.blocked ? 0 : d.online ? 1 : d.blocked ? 3 : 2)

/** Comparators by column; a tie is broken by name. */
export const DEVICE_ORDER: Record<string, (a: Device, b: Device) => number> = {
  name: (a, b) => byName(a.name, b.name),
  state: (a, b) => rank(a) - rank(b),
  platform: (a, b) => byName(`${a.platform} ${a.os_version}`, `${b.platform} ${b.os_version}`),
  seen: (a, b) =>
    Date.parse(a.last_seen_at ?? '1970-01-01') - Date.parse(b.last_seen_at ?? '1970-01-01'),
}

/** The number of names shown before "and n more". */
const NAMES_SHOWN = 3

/** The note on a PC whose disk was cloned, or that is a clone; null for any other. */
export function copyNote(device: Device, all: ReadonlyMap<DeviceId, Device>): string | null {
  if (device.split_from !== null) {
    const original = all.get(device.split_from)?.name ?? t('state.anotherPc')
    const note = t('state.clone', { original })
    return device.approved ? note : t('state.cloneUnapproved', { note })
  }
  const names = [...all.values()].filter((d) => d.split_from === device.id).map((d) => d.name)
  if (names.length === 0) return null
  const named = names.sort(byName).slice(0, NAMES_SHOWN).join(', ')
  const shown =
    names.length > NAMES_SHOWN
      ? t('state.moreNames', { names: named, more: names.length - NAMES_SHOWN })
      : named
  return t('state.cloned', { n: names.length, names: shown })
}
