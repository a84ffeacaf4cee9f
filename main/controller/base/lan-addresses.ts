/**
 * The addresses under which PCs can reach this computer, best first: PCs try them in this order,
 * and the console shows the first one. Ranking is pure; default-route.ts finds the default route.
 */
import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { hostPort } from './host-port.ts'

/** As `os.networkInterfaces()` returns them, plus the interface's name. */
export type OwnAddress = {
  name: string
  address: string
  family: 'IPv4' | 'IPv6'
  netmask: string
  mac: string
  internal: boolean
}
/** True if the default route uses this interface or this address. */
export type IsDefaultRoute = (own: Pick<OwnAddress, 'name' | 'address'>) => boolean

/** At most this many; a PC that cannot reach the hub tries all of them. */
const LIMIT = 8
const EVERY_ADDRESS = ['0.0.0.0', '::']

/**
 * Tunnels, containers and virtual machines, by the interface names that systems and programs use.
 */
const VIRTUAL = [
  // Linux and macOS
  /^(?:tun|tap|utun|ppp|wg|wt|ipsec|gre|sit|ip6tnl|gif|stf|awdl|llw|anpi|feth|vmenet|bridge[1-9]\d\d|veth|vnet)/i,
  /^(?:docker|br-|podman|cni|lxdbr|lxcbr|incusbr|virbr|vmnet|vboxnet|flannel|cali|cilium|kube|nerdctl)/i,
  /^(?:tailscale|zt|nordlynx|proton|mullvad|nebula|netbird|ham\d|outline|wgpia|surfshark|cscotun|gpd\d)/i,
  // On Windows the program or the user names the connection
  /tailscale|zerotier|openvpn|wireguard|wintun|nordvpn|nordlynx|tap-(?:windows|nord|proton)|cloudflare ?warp|hamachi/i,
  /vpn|anyconnect|globalprotect|fortinet|forticlient|pulse secure|zscaler|pangp|check ?point/i,
  /vethernet|hyper-v|vmware|vmnet|virtualbox|host-only|docker|wsl|npcap|loopback|teredo|isatap|6to4|bluetooth/i,
  /^local area connection\* \d+$|^lan-verbindung\* \d+$/i, // Wi-Fi Direct
]
/**
 * Virtual adapters whose name is only “Ethernet 3”: VMware's and VirtualBox's host adapters,
 * TAP-Windows, Docker.
 */
const VIRTUAL_MACS = ['00:50:56:c0:00:', '0a:00:27:00:00:', '00:ff:', '02:42:']
/** An interface without a hardware address is not on a LAN. */
const NO_MAC = '00:00:00:00:00:00'

const isVirtual = ({ name, mac }: OwnAddress): boolean =>
  VIRTUAL.some((pattern) => pattern.test(name)) ||
  VIRTUAL_MACS.some((start) => mac.startsWith(start)) ||
  mac === NO_MAC

/** RFC 6598: shared by a provider's customers, and by VPNs such as Tailscale. */
const isCarrierGrade = (address: string): boolean => {
  const [first, second] = address.split('.').map(Number) as [number, number]
  return isIPv4(address) && first === 100 && second >= 64 && second < 128
}
const isAlone = ({ family, netmask }: OwnAddress): boolean =>
  family === 'IPv4' && netmask === '255.255.255.255'
/**
 * Loopback and link-local addresses: useless to other computers, or only with an interface name
 * that they do not know.
 */
const isUnreachable = ({ address, internal }: OwnAddress): boolean =>
  internal || /^169\.254\.|^fe[89ab]/i.test(address)
const isUniqueLocal = (address: string): boolean => /^f[cd]/i.test(address)

/**
 * Lower is better. Hyper-V moves the LAN's address from the network card to a virtual adapter, which then has the
 * default route; a VPN that takes all traffic has it as well, but beside the LAN's own address.
 */
function networkRank(own: OwnAddress, isDefaultRoute: boolean): number {
  if (isCarrierGrade(own.address) || isAlone(own)) return 4
  if (isVirtual(own)) return isDefaultRoute ? 2 : 3
  return isDefaultRoute ? 0 : 1
}

/** Lower is better. */
function rankOf(own: OwnAddress, isDefaultRoute: IsDefaultRoute): number {
  const network = networkRank(own, isDefaultRoute(own))
  // Older devices and tools handle IPv4 better; a unique-local address does not change with the
  // provider.
  const family = own.family === 'IPv4' ? 0 : isUniqueLocal(own.address) ? 1 : 2
  return network * 3 + family
}

/** The reachable addresses, best first. Pure. */
export const rankAddresses = (
  found: readonly OwnAddress[],
  isDefaultRoute: IsDefaultRoute,
): string[] =>
  found
    .filter((own) => !isUnreachable(own))
    .map((own) => ({ address: own.address, rank: rankOf(own, isDefaultRoute) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ address }) => address)

/**
 * Whether other computers can be reached over any of them. Virtual adapters keep their addresses
 * when the network is gone, so they count only while they have the default route. Pure.
 */
export const isNetwork = (found: readonly OwnAddress[], isDefaultRoute: IsDefaultRoute): boolean =>
  found.some((own) => !isUnreachable(own) && (!isVirtual(own) || isDefaultRoute(own)))

/** @param address as `plainAddress` returns it */
export const isOwnAddress = (address: string): boolean =>
  readOwn().some((own) => own.address === address.split('%', 1)[0])

export const readOwn = (): OwnAddress[] =>
  Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).map((own) => ({ ...own, name, mac: own.mac.toLowerCase() })),
  )

/**
 * `HOST:PORT` as in a URL. Loopback comes last, for agents on this computer or when there is no
 * network.
 * @param boundTo the only address that the hub listens on, if it is bound to one
 */
export function hubAddresses(
  port: number,
  boundTo: string | undefined,
  isDefaultRoute: IsDefaultRoute = () => false,
): string[] {
  if (boundTo && !EVERY_ADDRESS.includes(boundTo)) return [hostPort(boundTo, port)]
  const isIPv4Only = boundTo === '0.0.0.0'
  const ranked = rankAddresses(readOwn(), isDefaultRoute).filter(
    (address) => !isIPv4Only || isIPv4(address),
  )
  return [...new Set([...ranked.slice(0, LIMIT - 1), '127.0.0.1'])].map((address) =>
    hostPort(address, port),
  )
}
