import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import {
  checkConnected,
  checkLiteralHost,
  guardedLookup,
  isRefusedAddress,
  RefusedAddress,
} from './address-guard.ts'

/** Both registries of special-purpose addresses (iana.org) and the address space outside unicast, with examples of each. */
const REFUSED: readonly [what: string, ...addresses: string[]][] = [
  ['this network', '0.0.0.0', '0.1.2.3'],
  ['carrier-grade NAT', '100.64.0.1', '100.127.255.254'],
  ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
  ['link-local', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
  ['protocol assignments', '192.0.0.1', '192.0.0.170', '2001:1::1', '2001:1ff:ffff::1'],
  ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  ['AS112', '192.31.196.1', '192.175.48.1', '2001:4:112::1', '2620:4f:8000::1'],
  ['AMT', '192.52.193.1', '2001:3::1'],
  [
    'relays of 6to4, and 6to4 to LAN, this computer and the Internet',
    '192.88.99.1',
    '2002:c0a8:105::1',
    '2002:7f00:1::',
    '2002:808:808::1',
  ],
  ['benchmarking', '198.18.0.1', '198.19.255.255', '2001:2::1'],
  ['multicast', '224.0.0.251', '239.255.255.250', 'ff02::fb', 'ff0e::1'],
  ['reserved and broadcast', '240.0.0.1', '255.255.255.255'],
  ['unspecified', '::'],
  ['NAT64', '64:ff9b::7f00:1', '64:ff9b::10.0.0.1', '64:ff9b::8.8.8.8', '64:ff9b:1::1'],
  ['IPv4-compatible and IPv4-translated', '::127.0.0.1', '::8.8.8.8', '::ffff:0:127.0.0.1'],
  ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ['ORCHID and drone identifiers', '2001:10::1', '2001:20::1', '2001:30::1'],
  [
    'discard-only, segment routing, and unassigned space',
    '100::1',
    '100:0:0:1::1',
    '5f00::1',
    '200::1',
    '4000::1',
    'fe00::1',
  ],
  [
    'IPv4 inside IPv6',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.1.1',
    '::ffff:100.64.0.1',
    '::ffff:240.0.0.1',
  ],
]
const OWN = ['192.168.7.20', 'fd00:77::20', '2a00:1450::20', '203.0.114.9']

describe('a refused address', () => {
  it.each(REFUSED)('is one of %s', (_what, ...addresses) => {
    for (const address of addresses) expect(isRefusedAddress(address, []), address).toBe(true)
  })

  it.each([
    ...['192.168.1.5', '10.0.0.1', '172.16.0.1', '172.31.255.254', '8.8.8.8', '128.0.0.1'],
    ...['100.63.255.255', '100.128.0.1', '198.17.255.255', '198.20.0.0', '223.255.255.255'],
    ...['fec0::1', 'fd00::1', '2a00:1450:4001::8a', '2001:4860:4860::8888', '2001:200::1'],
    ...['::ffff:10.0.0.1', '::ffff:8.8.8.8', 'example.com', ''],
  ])('is not %j', (address) => expect(isRefusedAddress(address, OWN)).toBe(false))

  it.each([
    ...OWN,
    '::ffff:192.168.7.20',
    '::ffff:c0a8:714',
    'fd00:77:0:0:0:0:0:20',
    'FD00:77::0020',
    'fd00:77::20%eth0',
  ])('is %s, an address of this computer', (address) => {
    expect(isRefusedAddress(address, OWN)).toBe(true)
    expect(isRefusedAddress(address.toLowerCase(), [])).toBe(false)
  })

  it('is each current address of this computer', () => {
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    for (const { address } of own) expect(isRefusedAddress(address), address).toBe(true)
  })

  it('is detected again once the connection is open', () => {
    const here = { localAddress: '10.1.1.1', remoteAddress: '10.1.1.1' }
    expect(() => checkConnected('name', here)).toThrow(RefusedAddress)
    expect(() => checkConnected('name', { ...here, remoteAddress: '127.0.0.1' })).toThrow(
      RefusedAddress,
    )
    expect(() => checkConnected('name', { ...here, remoteAddress: '10.1.1.2' })).not.toThrow()
  })

  it.each([
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://[::1]:8080/',
    'http://[::ffff:127.0.0.1]/',
    'http://0/',
    'http://[64:ff9b::a00:1]/',
    'http://0300.0.0.1/',
  ])('may be written as %s', (address) =>
    expect(() => checkLiteralHost(new URL(address))).toThrow(RefusedAddress),
  )

  it('is also detected behind a name, for single and multiple results', async () => {
    for (const all of [true, false]) {
      const error = await new Promise((resolve) =>
        guardedLookup('localhost', { all }, (problem) => resolve(problem)),
      )
      expect(error).toBeInstanceOf(RefusedAddress)
    }
  })
})
