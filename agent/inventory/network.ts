/** Network interfaces with their addresses. */
import type { networkInterfaces } from 'node:os'
import type { InterfaceInfo } from '#shared/domain/inventory.ts'

/** Virtual interfaces of containers come and go, and are of no interest to people. */
const PASSING = /^(?:veth|cali|lxc|tap)/
const LINK_LOCAL = /^fe80:/i

/** @param idle built-in interfaces, including those without an address */
export function interfacesOf(
  found: ReturnType<typeof networkInterfaces>,
  idle: readonly { name: string; mac: string }[],
): InterfaceInfo[] {
  const byName = new Map<string, InterfaceInfo>()
  const macOf = (raw: string): string | null => {
    const mac = raw.toLowerCase()
    return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) && /[1-9a-f]/.test(mac) ? mac : null
  }
  for (const { name, mac } of idle) byName.set(name, { name, mac: macOf(mac), addresses: [] })
  for (const [name, entries = []] of Object.entries(found)) {
    const outer = entries.filter((entry) => !entry.internal)
    if (outer.length === 0 || PASSING.test(name)) continue
    byName.set(name, {
      name,
      mac: macOf(outer[0]!.mac),
      addresses: outer
        .map(({ cidr, address }) => cidr ?? address)
        .filter((address) => !LINK_LOCAL.test(address))
        .sort(),
    })
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
