/**
 * Keeps fetches away from this computer and from addresses that belong to no server: a user who may start a deployment must not
 * be able to make the controller read what only it can reach. The address that is actually connected to is checked, after the
 * name was resolved, at every redirect. Other private addresses (10/8, 172.16/12, 192.168/16, fc00::/7) are the LAN, where
 * packages often are.
 */
import { lookup as resolve, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'

/** iana.org/assignments/iana-ipv4-special-registry without the LAN's ranges, and multicast. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this host
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relays
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]
/**
 * iana.org/assignments/iana-ipv6-special-registry, as far as it overlaps the ranges for servers. Tunnels to IPv4 (NAT64, 6to4,
 * Teredo) are refused whatever IPv4 address they contain: a gateway would decide where they lead.
 */
const SPECIAL_IPV6 = [
  '2001::/23', // protocol assignments: Teredo, benchmarking, ORCHID …
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
]
/** Global unicast and the LAN's own ranges; no server has an address outside (loopback, NAT64, `::/96`, link-local, multicast …). */
const SERVERS_IPV6 = ['2000::/3', 'fc00::/7', 'fec0::/10']

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/')
    list.addSubnet(network, Number(prefix), isIP(network) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
const special = blockList([...SPECIAL_IPV4, ...SPECIAL_IPV6])
const servers = blockList(SERVERS_IPV6)
const mapped = blockList(['::ffff:0:0/96'])

/** The current addresses of this computer. */
export type OwnAddresses = () => readonly string[]
const readOwnAddresses: OwnAddresses = () =>
  Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))

const withoutZone = (address: string): string => address.split('%', 1)[0]!

function isOwn(address: string, family: 'ipv4' | 'ipv6', own: readonly string[]): boolean {
  const list = new BlockList()
  for (const one of own.map(withoutZone))
    if (isIP(one) !== 0) list.addAddress(one, isIP(one) === 6 ? 'ipv6' : 'ipv4')
  return list.check(address, family)
}

export class RefusedAddress extends Error {
  readonly host: string
  constructor(host: string) {
    super(
      `${host} leads to this computer, or to an address that no server on the LAN or the Internet can have`,
    )
    this.name = 'RefusedAddress'
    this.host = host
  }
}

/** True for every address of this computer, and for every address that is not a server's on the LAN or the Internet. */
export function isRefusedAddress(
  address: string,
  own: readonly string[] = readOwnAddresses(),
): boolean {
  const plain = withoutZone(address)
  const version = isIP(plain)
  if (version === 0) return false
  const family = version === 6 ? 'ipv6' : 'ipv4'
  // BlockList itself compares an IPv4 address inside IPv6 (`::ffff:10.0.0.1`) with the IPv4 ranges.
  if (special.check(plain, family) || isOwn(plain, family, own)) return true
  return family === 'ipv6' && !mapped.check(plain, family) && !servers.check(plain, family)
}

/** @throws RefusedAddress for a refused IP address in the URL, because it is never looked up */
export function checkLiteralHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isRefusedAddress(host)) throw new RefusedAddress(host)
}

/**
 * Call it once connected. An address that passed the lookup still leads to this computer if both ends have the same address.
 * @throws RefusedAddress
 */
export function checkConnected(
  host: string,
  socket: { localAddress?: string | undefined; remoteAddress?: string | undefined },
): void {
  const { localAddress, remoteAddress } = socket
  if (remoteAddress === undefined) return
  if (localAddress === remoteAddress || isRefusedAddress(remoteAddress))
    throw new RefusedAddress(host)
}

/** Resolves a name like `dns.lookup`, and fails when any of its addresses is refused. */
export const guardedLookup: LookupFunction = (host, options, callback) => {
  resolve(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error) return callback(error, '')
    const own = readOwnAddresses()
    if (found.some(({ address }) => isRefusedAddress(address, own)))
      return callback(new RefusedAddress(host), '')
    const [first] = found
    if (options.all) return callback(null, found)
    if (!first) return callback(new Error(`${host} has no address`), '')
    callback(null, first.address, first.family)
  })
}
