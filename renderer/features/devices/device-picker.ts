/** Which PCs a list to choose from shows, and what a choice changes. */
import type { Device } from '#shared/contract/rest/devices.ts'
import { PLATFORM_NAME } from '../../ui/lib/platforms.ts'
import { matcher } from '../../ui/lib/search.ts'

/** The PCs whose name or system match a search. */
export function devicesMatching(devices: readonly Device[], query: string): Device[] {
  const isMatch = matcher(query)
  return devices.filter((d) => isMatch([d.name, PLATFORM_NAME[d.platform], d.os_version]))
}

/** The ids of the PCs among them that are online. */
export const onlineIds = (devices: readonly Device[]): Device['id'][] =>
  devices.filter((d) => d.online).map((d) => d.id)
