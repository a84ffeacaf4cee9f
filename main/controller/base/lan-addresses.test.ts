import { describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { isHubAddress } from '#shared/domain/enrollment-code.ts'
import { hostPort, urlHost } from './host-port.ts'
import {
  hubAddresses,
  isNetwork,
  isOwnAddress,
  rankAddresses,
  type OwnAddress,
} from './lan-addresses.ts'
import { ipv4DefaultInterfaces, ipv6DefaultInterfaces, watchDefaultRoute } from './default-route.ts'

const at = (name: string, address: string, more: Partial<OwnAddress> = {}): OwnAddress => ({
  name,
  address,
  family: address.includes(':') ? 'IPv6' : 'IPv4',
  netmask: '255.255.255.0',
  mac: '3c:52:82:11:22:33',
  internal: false,
  ...more,
})
const none = () => false
const LAN = at('Ethernet 2', '192.168.7.20')

describe('the preferred address', () => {
  it.each([
    ...['tailscale0', 'wg0', 'ppp0', 'podman0', 'lxdbr0', 'nordlynx', 'CloudflareWARP', 'docker0'],
    ...[
      'virbr0',
      'br-1f2e3d',
      'veth12ab',
      'utun4',
      'tun0',
      'tap0',
      'zt7nnig26',
      'vmnet8',
      'vboxnet0',
    ],
    ...['bridge100', 'awdl0', 'flannel.1', 'cni0', 'cali123', 'gpd0', 'cscotun0', 'wt0', 'ipsec0'],
    ...[
      'Tailscale',
      'ZeroTier One [a1b2c3]',
      'OpenVPN TAP-Windows6',
      'OpenVPN Wintun',
      'WireGuard',
    ],
    ...[
      'VMware Network Adapter VMnet8',
      'VirtualBox Host-Only Network',
      'vEthernet (WSL)',
      'NordLynx',
    ],
    ...[
      'vEthernet (Default Switch)',
      'Hyper-V Virtual Ethernet',
      'Docker',
      'Company VPN',
      'Hamachi',
    ],
    ...['Bluetooth Network Connection', 'Npcap Loopback Adapter', 'Local Area Connection* 3'],
  ])('skips %s', (name) => {
    const found = [at(name, '10.8.0.2'), at(name, '2001:db8:1::2'), LAN]
    expect(rankAddresses(found, ({ name: one }) => one === name)[0]).toBe('192.168.7.20')
  })

  it.each([
    ['no hardware address', { mac: '00:00:00:00:00:00' }],
    ["VMware's host adapter", { mac: '00:50:56:c0:00:08' }],
    ["VirtualBox's host adapter", { mac: '0a:00:27:00:00:0b' }],
    ['a TAP adapter', { mac: '00:ff:12:34:56:78' }],
    ['a host-only address', { netmask: '255.255.255.255' }],
    ['a carrier-grade address', { address: '100.100.1.2' }],
  ])('skips an interface with %s, whatever its name', (_what, more) => {
    const other = { ...at('Ethernet 3', '10.8.0.2'), ...more }
    expect(rankAddresses([other, LAN], none)).toEqual(['192.168.7.20', other.address])
  })

  it.each([
    'eth0',
    'enp3s0',
    'wlan0',
    'br0',
    'bond0',
    'en0',
    'Ethernet',
    'Wi-Fi',
    'WLAN',
    'vlan20',
  ])('accepts %s', (name) => {
    expect(rankAddresses([at('Docker', '172.17.0.1'), at(name, '10.1.1.1')], none)[0]).toBe(
      '10.1.1.1',
    )
  })

  it('prefers the default route among LANs', () => {
    const found = [at('eth0', '10.1.1.1'), at('eth1', '10.2.2.2'), at('eth1', 'fd00::2')]
    expect(rankAddresses(found, ({ name }) => name === 'eth1')).toEqual([
      '10.2.2.2',
      'fd00::2',
      '10.1.1.1',
    ])
  })

  it('is on the external switch of Hyper-V if that has the default route', () => {
    const found = [
      at('vEthernet (Default Switch)', '172.20.0.1'),
      at('vEthernet (External)', '192.168.1.5'),
    ]
    expect(rankAddresses(found, ({ name }) => name === 'vEthernet (External)')).toEqual([
      '192.168.1.5',
      '172.20.0.1',
    ])
  })

  it('is on the LAN rather than in a VPN that takes all traffic', () => {
    const found = [at('Company VPN', '10.8.0.2'), at('Wi-Fi', '192.168.1.6'), at('wg0', '10.9.0.2')]
    expect(rankAddresses(found, ({ name }) => name === 'Company VPN')).toEqual([
      '192.168.1.6',
      '10.8.0.2',
      '10.9.0.2',
    ])
  })

  it('prefers IPv4 to IPv6 in the same network and unique-local to global, and skips link-local', () => {
    const found = [
      at('eth0', '2a00:1450::20'),
      at('eth0', 'fe80::1'),
      at('eth0', 'fd00:77::20'),
      at('eth0', '192.168.1.2'),
      at('eth0', '169.254.3.4'),
      at('lo', '127.0.0.1', { internal: true }),
      at('lo', '::1', { internal: true }),
    ]
    expect(rankAddresses(found, none)).toEqual(['192.168.1.2', 'fd00:77::20', '2a00:1450::20'])
    expect(
      rankAddresses(
        found.filter(({ family }) => family === 'IPv6'),
        none,
      ),
    ).toEqual(['fd00:77::20', '2a00:1450::20'])
  })
})

describe("the hub's addresses", () => {
  it('can be encoded in a code, with loopback last', () => {
    const addresses = hubAddresses(7480, undefined, none)
    for (const address of addresses) {
      expect(isHubAddress(address), address).toBe(true)
      expect(new URL(`https://${address}`).port).toBe('7480')
    }
    expect(addresses.at(-1)).toBe('127.0.0.1:7480')
    expect(addresses.length).toBeLessThanOrEqual(8)
    expect(hubAddresses(7480, '0.0.0.0', none).every((one) => !one.startsWith('['))).toBe(true)
  })

  it.each([
    ['fd00::1', '[fd00::1]:7490'],
    ['::1', '[::1]:7490'],
    ['192.168.1.2', '192.168.1.2:7490'],
    ['hub.example', 'hub.example:7490'],
  ])('are limited to the address that the hub is bound to: %s', (host, expected) => {
    expect(hubAddresses(7490, host, none)).toEqual([expected])
    expect(new URL(`https://${expected}`).hostname).toBe(urlHost(host))
    expect(hostPort(urlHost(host), 7490)).toBe(expected)
  })
})

describe('the default route', () => {
  it('is read from Linux routing tables', () => {
    const ipv4 =
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n' +
      'wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n' +
      'enp3s0\t00000000\t0107A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n' +
      'enp3s0\t0007A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n'
    expect(ipv4DefaultInterfaces(ipv4)).toEqual(['enp3s0'])
    const zero = '0'.repeat(32)
    const ipv6 =
      `fd000077${'0'.repeat(24)} 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001     eth0\n` +
      `${zero} 00 ${zero} 00 fe80${'0'.repeat(27)}1 00000400 00000001 00000000 00450003     eth1\n` +
      `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo\n`
    expect(ipv6DefaultInterfaces(ipv6)).toEqual(['eth1'])
    expect([ipv4DefaultInterfaces(''), ipv6DefaultInterfaces('')]).toEqual([[], []])
  })

  it('is found without routing tables, or reported as missing, within a second', async () => {
    const route = await watchDefaultRoute(systemClock, 'darwin')
    expect(typeof route.is({ name: 'en0', address: '10.0.0.1' })).toBe('boolean')
    route.stop()
  })
})

describe('a network to other computers', () => {
  const host = [
    at('lo', '127.0.0.1', { internal: true }),
    at('docker0', '172.17.0.1', { mac: '02:42:ac:11:00:01' }),
    at('virbr0', '192.168.122.1'),
    at('vEthernet (Default Switch)', '172.24.0.1'),
    at('VMware Network Adapter VMnet8', '192.168.80.1', { mac: '00:50:56:c0:00:08' }),
    at('eth0', '169.254.7.7'),
    at('eth0', 'fe80::7'),
  ]
  it('is not an adapter of containers or virtual machines, nor a link-local address', () => {
    expect(isNetwork(host, none)).toBe(false)
    expect(isNetwork([...host, LAN], none)).toBe(true)
  })
  it('is a virtual adapter with the default route: Hyper-V puts the LAN on one', () => {
    const external = at('vEthernet (External)', '192.168.7.20')
    expect(isNetwork([...host, external], ({ name }) => name === external.name)).toBe(true)
  })
  it('is not needed for links from this computer', () => {
    expect(['127.0.0.1', '::1'].some(isOwnAddress)).toBe(true)
    expect(isOwnAddress('192.0.2.77')).toBe(false)
  })
})
