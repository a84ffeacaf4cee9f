/** Finds the interface of the default route: it nearly always leads to the LAN that users mean. */
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import type { Clock } from '#shared/node/clock.ts'
import type { IsDefaultRoute } from './lan-addresses.ts'

/**
 * Sends nothing: connecting a datagram socket only selects the local address. Documentation ranges,
 * RFC 5737 and 3849.
 */
const PROBES = [
  ['udp4', '192.0.2.1'],
  ['udp6', '2001:db8::1'],
] as const
const PROBE_LIMIT_MS = 500
const LOOK_AGAIN_MS = 15_000

/** Names of the interfaces with a default route in `/proc/net/route`. */
export const ipv4DefaultInterfaces = (table: string): string[] =>
  table
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    // Interface, destination, …, mask in the eighth column; all of them zero.
    .filter((cells) => cells[1] === '00000000' && cells[7] === '00000000')
    .map((cells) => cells[0] ?? '')

/** The same for `/proc/net/ipv6_route`, where unreachable routes are listed under `lo`. */
export const ipv6DefaultInterfaces = (table: string): string[] =>
  table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => /^0{32}$/.test(cells[0] ?? '') && cells[1] === '00')
    .map((cells) => cells.at(-1) ?? '')
    .filter((name) => name !== 'lo')

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function ownAddressTowards(
  [type, address]: (typeof PROBES)[number],
  clock: Clock,
): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(type)
    const end = (own: string | null): void => {
      cancelTimer()
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      try {
        socket.close()
      } catch {
        // It never opened.
      }
      resolve(own)
    }
    const cancelTimer = clock.setTimer(PROBE_LIMIT_MS, () => end(null))
    socket.once('error', () => end(null))
    socket.connect(9, address, () => {
      try {
        end(socket.address().address)
      } catch {
        end(null)
      }
    })
  })
}

export type DefaultRoute = { is: IsDefaultRoute; stop: () => void }

/**
 * Watches the default route, which changes as a laptop moves. Resolves once it is known for the
 * first time.
 */
export async function watchDefaultRoute(
  clock: Clock,
  platform = process.platform,
): Promise<DefaultRoute> {
  if (platform === 'linux')
    return {
      is: ({ name, address }) =>
        (address.includes(':')
          ? ipv6DefaultInterfaces(read('/proc/net/ipv6_route'))
          : ipv4DefaultInterfaces(read('/proc/net/route'))
        ).includes(name),
      stop: () => undefined,
    }
  let addresses: (string | null)[] = []
  const look = async (): Promise<void> => {
    addresses = await Promise.all(PROBES.map((probe) => ownAddressTowards(probe, clock)))
  }
  await look()
  const stop = clock.repeat(LOOK_AGAIN_MS, () => void look())
  return { is: ({ address }) => addresses.includes(address), stop }
}
