/**
 * Keeps fetches away from this computer itself and from link-local services: whoever may start a deployment must not
 * be able to make the controller read what only it can reach. Looked at is the address that is connected to, after the
 * name was resolved. Other private addresses are the LAN, which is where packages often are.
 */
import { lookup as resolve, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

const refused = new BlockList()
refused.addSubnet('127.0.0.0', 8, 'ipv4')
refused.addSubnet('0.0.0.0', 8, 'ipv4')
refused.addSubnet('169.254.0.0', 16, 'ipv4')
refused.addAddress('::1', 'ipv6')
refused.addAddress('::', 'ipv6')
refused.addSubnet('fe80::', 10, 'ipv6')

export class RefusedAddress extends Error {}

/** True for loopback, unspecified and link-local addresses, IPv4 inside IPv6 included. */
export function isRefusedAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '')
  const family = isIP(plain)
  return family !== 0 && refused.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

const refusal = (host: string) =>
  new RefusedAddress(`${host} leads to this computer itself or to a link-local address`)

/** @throws RefusedAddress for an address written as a number: it is never looked up */
export function checkLiteralHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isRefusedAddress(host)) throw refusal(host)
}

/** Resolves a name like `dns.lookup`, and fails when any address found is refused. */
export const guardedLookup: LookupFunction = (host, options, callback) => {
  resolve(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error) return callback(error, '')
    if (found.some(({ address }) => isRefusedAddress(address))) return callback(refusal(host), '')
    const [first] = found
    if (options.all) return callback(null, found)
    if (!first) return callback(new Error(`${host} has no address`), '')
    callback(null, first.address, first.family)
  })
}
