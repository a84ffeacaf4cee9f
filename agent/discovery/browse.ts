/**
 * Hubs that announce themselves on the LAN. All of it is hearsay: names are shown to people as they are, addresses are
 * places to knock at, and the key that a connection shows decides.
 */
import { createSocket, type Socket } from 'node:dgram'
import { Bonjour, type Service } from 'bonjour-service'
import {
  DISCOVERY_PROTOCOL,
  DISCOVERY_TYPE,
  DiscoveryText,
  MDNS_ADDRESS,
  MDNS_PORT,
} from '#shared/contract/discovery.ts'
import { isHubAddress } from '#shared/domain/enrollment-code.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { wait } from '../lib/wait.ts'
import { createNeighbourCheck, ownAddresses } from './networks.ts'

/** Questions get lost: another one is asked so often while it listens. */
const ASK_AGAIN_MS = 1_000
/** More than these are not listened to; an office has one hub. */
const MAX_ANSWERS = 64
const MAX_HUBS = 16
const MAX_ADDRESSES = 8
const MAX_NETWORKS = 8

export type FoundHub = { name: string; fingerprint: Fingerprint; addresses: string[] }

/** A socket of our own, because a network that cannot be used must be a line in the log and not the end of the program. */
function openSocket(own: string, log: Log): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    const giveUp = (error: unknown): void => {
      log.debug({ address: own, why: errorText(error) }, 'mDNS cannot be used on this network')
      socket.removeAllListeners('message')
      try {
        socket.close()
      } catch {
        // It never opened.
      }
      resolve(null)
    }
    socket.once('error', giveUp)
    socket.bind({ port: MDNS_PORT, address: '0.0.0.0' }, () => {
      try {
        socket.addMembership(MDNS_ADDRESS, own)
        socket.setMulticastInterface(own)
        socket.setMulticastTTL(255)
      } catch (error) {
        return giveUp(error)
      }
      socket.off('error', giveUp)
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

function parse(service: Service, isNeighbour: (address: string) => boolean): FoundHub | null {
  const text = DiscoveryText.safeParse(service.txt)
  if (!text.success) return null
  const from = service.referer?.address
  const addresses = [...(from === undefined ? [] : [from]), ...(service.addresses ?? [])]
    .filter(isNeighbour)
    .map((address) => `${address}:${service.port}`)
    .filter(isHubAddress)
  const name = String(service.name).slice(0, 63)
  return { name, fingerprint: text.data.key, addresses: addresses.slice(0, MAX_ADDRESSES) }
}

/**
 * Listens on every network of this PC.
 * @param signal ends it early; what was heard until then counts
 * @param wanted only hubs that claim this key
 */
export async function browse(options: {
  forMs: number
  signal: AbortSignal
  wanted?: Fingerprint
  log: Log
}): Promise<FoundHub[]> {
  const { signal, wanted } = options
  const hubs = new Map<string, FoundHub>()
  const isNeighbour = createNeighbourCheck()
  const enough = new AbortController()
  let answers = 0
  const onAnswer = (service: Service): void => {
    if (++answers > MAX_ANSWERS) return enough.abort()
    const hub = parse(service, isNeighbour)
    if (!hub || hub.addresses.length === 0) return
    if (wanted !== undefined && hub.fingerprint !== wanted) return
    const key = `${hub.fingerprint} ${hub.name}`
    const before = hubs.get(key)
    if (!before && hubs.size >= MAX_HUBS) return
    const addresses = new Set([...(before?.addresses ?? []), ...hub.addresses])
    hubs.set(key, { ...hub, addresses: [...addresses].slice(0, MAX_ADDRESSES) })
  }

  const opened = await Promise.all(
    ownAddresses()
      .slice(0, MAX_NETWORKS)
      .map((own) => openSocket(own, options.log)),
  )
  const listeners = opened.flatMap((socket) => {
    if (!socket) return []
    // Bound already: the library neither binds nor joins by itself.
    const shared = { socket, bind: false, multicast: false, port: MDNS_PORT }
    const mdns = new Bonjour(shared, () => undefined)
    // The key is asked for here too, so that whoever shouts other keys does not fill its memory.
    const txt = wanted === undefined ? { v: '1' } : { v: '1', key: wanted }
    const browser = mdns.find({ type: DISCOVERY_TYPE, protocol: DISCOVERY_PROTOCOL, txt })
    browser.on('up', onAnswer)
    browser.on('srv-update', onAnswer)
    browser.on('txt-update', onAnswer)
    return [{ mdns, browser }]
  })
  const endAt = performance.now() + options.forMs
  const either = AbortSignal.any([signal, enough.signal])
  while (listeners.length > 0 && !either.aborted && performance.now() < endAt) {
    await wait(Math.min(ASK_AGAIN_MS, endAt - performance.now()), either)
    if (!either.aborted) listeners.forEach(({ browser }) => browser.update())
  }
  for (const { mdns, browser } of listeners) {
    browser.stop()
    mdns.destroy()
  }
  return [...hubs.values()]
}
