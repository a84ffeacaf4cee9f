/**
 * Finds hubs that advertise themselves on the LAN. Nothing they advertise is trusted: names are only shown to
 * people, addresses are only tried, and the key that a connection presents decides.
 */
import type { RemoteInfo, Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { isIPv6 } from 'node:net'
import { Bonjour, type Service } from 'bonjour-service'
import {
  DISCOVERY_PROTOCOL,
  DISCOVERY_TYPE,
  DiscoveryText,
} from '#shared/contract/agent/discovery.ts'
import { isHubAddress } from '#shared/domain/enrollment-code.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import type { Clock } from '#shared/node/clock.ts'
import { mdnsOptions, openMdnsSocket } from '#shared/node/mdns-socket.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { createNeighbourCheck, ownAddresses } from './networks.ts'

/** Queries get lost, so they are repeated at this interval while listening. */
const QUERY_INTERVAL_MS = 1_000
/** An office has one hub; further senders are ignored. */
const MAX_SENDERS = 32
const MAX_RESPONSES_PER_SENDER = 8
const MAX_NETWORKS = 8
/**
 * Part of every hub's advertisement: the type as a DNS label. Printers and phones use the same multicast
 * address.
 */
const MARK = Buffer.from(`_${DISCOVERY_TYPE}`)

/** `addresses`: HOST:PORT of the senders, each with its own source address. */
export type FoundHub = { name: string; fingerprint: Fingerprint; addresses: string[] }

/** Null, and a line in the log, if this network cannot be used. */
const openOrLog = (own: string, log: Log): Promise<Socket | null> =>
  openMdnsSocket(own).catch((error: unknown) => {
    log.debug({ address: own, why: errorText(error) }, 'mDNS cannot be used on this network')
    return null
  })

/**
 * A separate parser per sender, so that nobody can overwrite another sender's records. It sends nothing:
 * queries are sent once, by the listener on the real socket.
 */
function createSenderParser(onService: (service: Service) => void): Socket {
  const parser = Object.assign(new EventEmitter(), {
    send: (...args: unknown[]): void => {
      const done = args.at(-1)
      if (typeof done === 'function') (done as () => void)()
    },
    close: (): void => undefined,
  }) as unknown as Socket
  const mdns = new Bonjour(mdnsOptions(parser, ''), () => undefined)
  const browser = mdns.find({ type: DISCOVERY_TYPE, protocol: DISCOVERY_PROTOCOL, txt: { v: '1' } })
  browser.on('up', onService)
  browser.on('srv-update', onService)
  browser.on('txt-update', onService)
  return parser
}

/** Listens on every network of this PC. @param signal ends it early; what was received until then counts */
export async function browse(options: {
  forMs: number
  signal: AbortSignal
  clock: Clock
  log: Log
}): Promise<FoundHub[]> {
  const { signal, clock } = options
  const hubs = new Map<string, FoundHub>()
  const senders = new Map<string, { parser: Socket; left: number }>()
  const isNeighbour = createNeighbourCheck()

  function onService(sender: string, service: Service): void {
    const text = DiscoveryText.safeParse(service.txt)
    const address = `${isIPv6(sender) ? `[${sender}]` : sender}:${service.port}`
    if (!text.success || !isHubAddress(address)) return
    const fingerprint = text.data.key
    const name = String(service.name).slice(0, 63)
    const before = hubs.get(`${fingerprint} ${name}`)?.addresses ?? []
    hubs.set(`${fingerprint} ${name}`, {
      name,
      fingerprint,
      addresses: [...new Set([...before, address])],
    })
  }
  function onMessage(message: Buffer, from: RemoteInfo): void {
    // Queries from other agents contain the same label.
    const isResponse = message.length > 2 && (message[2]! & 0x80) !== 0
    if (!isResponse || !message.includes(MARK) || !isNeighbour(from.address)) return
    let sender = senders.get(from.address)
    if (!sender) {
      if (senders.size >= MAX_SENDERS) return
      const parser = createSenderParser((service) => onService(from.address, service))
      senders.set(from.address, (sender = { parser, left: MAX_RESPONSES_PER_SENDER }))
    }
    if (sender.left-- > 0) sender.parser.emit('message', message, from)
  }

  const opened = await Promise.all(
    ownAddresses()
      .slice(0, MAX_NETWORKS)
      .map(async (own) => ({ own, socket: await openOrLog(own, options.log) })),
  )
  const queriers = opened.flatMap(({ own, socket }) => {
    if (!socket) return []
    socket.on('message', onMessage)
    const mdns = new Bonjour(mdnsOptions(socket, own), () => undefined)
    const browser = mdns.find({ type: DISCOVERY_TYPE, protocol: DISCOVERY_PROTOCOL })
    // It only sends queries; the responses are read from the socket.
    browser.stop()
    return [{ mdns, browser }]
  })
  const endAt = clock.monotonicMs() + options.forMs
  while (queriers.length > 0 && !signal.aborted && clock.monotonicMs() < endAt) {
    await clock.sleep(Math.min(QUERY_INTERVAL_MS, endAt - clock.monotonicMs()), signal)
    if (!signal.aborted) queriers.forEach(({ browser }) => browser.update())
  }
  queriers.forEach(({ mdns }) => mdns.destroy())
  return [...hubs.values()]
}
