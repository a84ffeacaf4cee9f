/** The networks this PC is on. */
import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Every network card assigns itself a link-local address, but other PCs cannot reach a hub by it. */
const isOfLink = (address: string): boolean => /^fe[89ab]/i.test(address)

const ownNetworks = () =>
  Object.entries(networkInterfaces()).flatMap(([card, list = []]) =>
    list
      .filter(({ address, internal }) => !internal && !isOfLink(address))
      .map(({ address, family, cidr }) => ({ card, address, family, cidr: cidr ?? '' })),
  )

/** This PC's addresses: each IPv4 address, and one IPv6 address per network card, which may have many. IPv4 first. */
export function ownAddresses(): string[] {
  const networks = ownNetworks()
  const ipv4 = networks.filter(({ family }) => family === 'IPv4')
  const ipv6 = networks.filter(
    (own, i) =>
      own.family === 'IPv6' &&
      networks.findIndex((one) => one.card === own.card && one.family === 'IPv6') === i,
  )
  return [...ipv4, ...ipv6].map(({ address }) => address)
}

/**
 * Whether an address is on a network of this PC. mDNS works on the local network only, so an answer that
 * names another network would send the agent somewhere it must not go.
 */
export function createNeighbourCheck(): (address: string) => boolean {
  const neighbours = new BlockList()
  for (const { cidr, family } of ownNetworks()) {
    const [address = '', prefix] = cidr.split('/')
    if (isIP(address) === 0) continue
    neighbours.addSubnet(address, Number(prefix), family === 'IPv4' ? 'ipv4' : 'ipv6')
  }
  return (address) =>
    isIP(address) !== 0 && neighbours.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
