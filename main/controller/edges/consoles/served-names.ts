/** The names and addresses under which the console is served. A request for any other name was misdirected, for example by an attacker's DNS. */
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import type { Clock } from '#shared/node/clock.ts'
import { isLoopback } from '../../base/addresses.ts'
import { urlHost } from '../../base/host-port.ts'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1']
const EVERY_ADDRESS = ['0.0.0.0', '::']
/** Kept only briefly, because addresses change with cables and VPNs. */
const KEPT_MS = 5_000

export type ServedNames = {
  /** Whether other computers can reach the console. */
  isPublic: boolean
  /** Names and addresses, in lower case, without brackets. */
  list: () => string[]
  /** Whether a `Host` header, with or without a port, is one of them. */
  includes: (host: string | undefined) => boolean
}

const withoutPort = (host: string | undefined): string =>
  (host ?? '').replace(/:\d{1,5}$/, '').toLowerCase()

/** Whether a `Host` header names this computer itself. A name that an attacker resolves to it (DNS rebinding) does not count. */
export const isLoopbackName = (host: string | undefined): boolean =>
  LOOPBACK_NAMES.map(urlHost).includes(withoutPort(host))

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ scopeid }) => !scopeid)
    .map(({ address }) => address.toLowerCase())

/**
 * @param consoleHost the address that the console listens on
 * @param further names that resolve to this computer in the office's DNS
 */
export function createServedNames(
  consoleHost: string,
  clock: Pick<Clock, 'monotonicMs'>,
  further: readonly string[] = [],
  addresses: () => string[] = ownAddresses,
): ServedNames {
  const isPublic = !isLoopback(consoleHost) && consoleHost !== 'localhost'
  const named = EVERY_ADDRESS.includes(consoleHost) ? [] : [consoleHost.toLowerCase()]
  const own = hostname().toLowerCase()
  const fixed = isPublic
    ? [...LOOPBACK_NAMES, ...named, own, `${own}.local`, ...further.map((n) => n.toLowerCase())]
    : [...LOOPBACK_NAMES, ...named]
  let known: { at: number; names: string[] } | null = null
  function list(): string[] {
    if (!isPublic) return [...new Set(fixed)]
    const now = clock.monotonicMs()
    if (known === null || now - known.at > KEPT_MS)
      known = { at: now, names: [...new Set([...fixed, ...addresses()])] }
    return known.names
  }
  return {
    isPublic,
    list,
    includes: (host) => list().map(urlHost).includes(withoutPort(host)),
  }
}

/** In the form that a certificate uses. */
export const certificateNames = (
  names: readonly string[],
): { type: 'ip' | 'dns'; value: string }[] =>
  names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
