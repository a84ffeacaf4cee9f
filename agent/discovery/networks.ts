/** The networks this PC is on. */
import { BlockList, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'

const ownNetworks = () =>
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((own) => own.family === 'IPv4' && !own.internal)

/** Its own IPv4 addresses, one per network card and network. */
export const ownAddresses = (): string[] => ownNetworks().map((own) => own.address)

/**
 * Whether an IPv4 address lies on a network of this PC. What is heard by mDNS is on the same network by nature; an answer
 * that names another place would only send the agent somewhere it has no business.
 */
export function createNeighbourCheck(): (address: string) => boolean {
  const neighbours = new BlockList()
  for (const { cidr } of ownNetworks()) {
    const [address = '', prefix] = (cidr ?? '').split('/')
    if (isIPv4(address)) neighbours.addSubnet(address, Number(prefix), 'ipv4')
  }
  return (address) => isIPv4(address) && neighbours.check(address, 'ipv4')
}
