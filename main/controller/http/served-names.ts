/** Under which names and addresses the console is served, and so may be asked for. Any other was made to lead here by somebody else. */
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { isLoopback } from '../lib/addresses.ts'
import { urlHost } from '../lib/host-port.ts'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1']
const EVERY_ADDRESS = ['0.0.0.0', '::']
/** Addresses come and go with cables and VPNs. */
const KEPT_MS = 5_000

export type ServedNames = {
  /** Whether others than this computer can reach the console. */
  isPublic: boolean
  /** Names and addresses, in lower case, without brackets. */
  list: () => string[]
  /** Whether a `Host` header, with or without a port, is one of them. */
  includes: (host: string | undefined) => boolean
}

const withoutPort = (host: string | undefined): string =>
  (host ?? '').replace(/:\d{1,5}$/, '').toLowerCase()

/** Whether a `Host` header names this computer itself. A name that somebody made lead here (DNS rebinding) does not. */
export const isLoopbackName = (host: string | undefined): boolean =>
  LOOPBACK_NAMES.map(urlHost).includes(withoutPort(host))

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ scopeid }) => !scopeid)
    .map(({ address }) => address.toLowerCase())

/**
 * @param consoleHost what the console listens on
 * @param further names that lead here by the office's own DNS
 */
export function createServedNames(
  consoleHost: string,
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
    const now = performance.now()
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

/** As a certificate names them. */
export const certificateNames = (
  names: readonly string[],
): { type: 'ip' | 'dns'; value: string }[] =>
  names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
