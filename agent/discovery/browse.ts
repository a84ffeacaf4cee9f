/**
 * Hubs that announce themselves on the LAN. All of it is hearsay: names are shown to people as they are, addresses are
 * places to knock at, and the key that a connection shows decides.
 */
import type { RemoteInfo, Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { isIPv6 } from 'node:net'
import { Bonjour, type Service } from 'bonjour-service'
import { DISCOVERY_PROTOCOL, DISCOVERY_TYPE, DiscoveryText } from '#shared/contract/discovery.ts'
import { isHubAddress } from '#shared/domain/enrollment-code.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { wait } from '../lib/wait.ts'
import { mdnsOptions, openMdnsSocket } from './mdns-socket.ts'
import { createNeighbourCheck, ownAddresses } from './networks.ts'

/** Questions get lost: another one is asked so often while it listens. */
const ASK_AGAIN_MS = 1_000
/** An office has one hub; more than so many senders are not listened to. */
const MAX_SENDERS = 32
const MAX_ANSWERS_PER_SENDER = 8
const MAX_NETWORKS = 8
/** What every announcement of a hub has in it: the type as a label of DNS. Printers and phones talk there too. */
const MARK = Buffer.from(`_${DISCOVERY_TYPE}`)

/** `addresses`: HOST:PORT of those who said so, each the sender's own. */
export type FoundHub = { name: string; fingerprint: Fingerprint; addresses: string[] }

/** Null, and a line in the log, where this network cannot be used. */
const openOrLog = (own: string, log: Log): Promise<Socket | null> =>
  openMdnsSocket(own).catch((error: unknown) => {
    log.debug({ address: own, why: errorText(error) }, 'mDNS cannot be used on this network')
    return null
  })

/**
 * Hears one sender by itself, so that nobody can put his words into the place of another's. What the library would send is
 * dropped: questions are asked once, by the listener on the real socket.
 */
function hearSender(onService: (service: Service) => void): Socket {
  const ear = Object.assign(new EventEmitter(), {
    send: (...args: unknown[]): void => {
      const done = args.at(-1)
      if (typeof done === 'function') (done as () => void)()
    },
    close: (): void => undefined,
  }) as unknown as Socket
  const mdns = new Bonjour(mdnsOptions(ear, ''), () => undefined)
  const browser = mdns.find({ type: DISCOVERY_TYPE, protocol: DISCOVERY_PROTOCOL, txt: { v: '1' } })
  browser.on('up', onService)
  browser.on('srv-update', onService)
  browser.on('txt-update', onService)
  return ear
}

/**
 * Listens on every network of this PC.
 * @param signal ends it early; what was heard until then counts
 */
export async function browse(options: {
  forMs: number
  signal: AbortSignal
  log: Log
}): Promise<FoundHub[]> {
  const { signal } = options
  const hubs = new Map<string, FoundHub>()
  const senders = new Map<string, { ear: Socket; left: number }>()
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
    // Other agents that look for it ask with the same word.
    const isAnswer = message.length > 2 && (message[2]! & 0x80) !== 0
    if (!isAnswer || !message.includes(MARK) || !isNeighbour(from.address)) return
    let sender = senders.get(from.address)
    if (!sender) {
      if (senders.size >= MAX_SENDERS) return
      const ear = hearSender((service) => onService(from.address, service))
      senders.set(from.address, (sender = { ear, left: MAX_ANSWERS_PER_SENDER }))
    }
    if (sender.left-- > 0) sender.ear.emit('message', message, from)
  }

  const opened = await Promise.all(
    ownAddresses()
      .slice(0, MAX_NETWORKS)
      .map(async (own) => ({ own, socket: await openOrLog(own, options.log) })),
  )
  const asking = opened.flatMap(({ own, socket }) => {
    if (!socket) return []
    socket.on('message', onMessage)
    const mdns = new Bonjour(mdnsOptions(socket, own), () => undefined)
    const browser = mdns.find({ type: DISCOVERY_TYPE, protocol: DISCOVERY_PROTOCOL })
    // It only asks; the answers are taken from the socket.
    browser.stop()
    return [{ mdns, browser }]
  })
  const endAt = performance.now() + options.forMs
  while (asking.length > 0 && !signal.aborted && performance.now() < endAt) {
    await wait(Math.min(ASK_AGAIN_MS, endAt - performance.now()), signal)
    if (!signal.aborted) asking.forEach(({ browser }) => browser.update())
  }
  asking.forEach(({ mdns }) => mdns.destroy())
  return [...hubs.values()]
}
