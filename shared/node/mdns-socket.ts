/**
 * Sockets for mDNS (RFC 6762), bound and joined before the library gets them: a failed bind or join
 * is then logged, where the library would end the process.
 */
import { createSocket, type Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { MDNS_ADDRESS, MDNS_ADDRESS_V6, MDNS_PORT } from '#shared/contract/agent/discovery.ts'

const TTL = 255

/** The network interface of this IPv6 address, in the form that joining a group requires; null if unknown. */
function cardOf(own: string): string | null {
  for (const [name, list = []] of Object.entries(networkInterfaces())) {
    if (!list.some(({ address }) => address === own)) continue
    if (process.platform !== 'win32') return `::%${name}`
    const index = list.find((a) => a.family === 'IPv6' && a.scopeid > 0)
    return index?.family === 'IPv6' ? `::%${index.scopeid}` : null
  }
  return null
}

function open(
  type: 'udp4' | 'udp6',
  address: string,
  prepare: (socket: Socket) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type, reuseAddr: true, ipv6Only: type === 'udp6' })
    const giveUp = (error: Error): void => {
      try {
        socket.close()
      } catch {
        // It never opened.
      }
      reject(error)
    }
    socket.once('error', giveUp)
    socket.bind({ port: MDNS_PORT, address }, () => {
      try {
        prepare(socket)
      } catch (error) {
        return giveUp(error as Error)
      }
      socket.off('error', giveUp)
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

/**
 * Two sockets that act as one. Over IPv6 the system sends multicast from a link-local address, unless the
 * socket is bound to another one; and a socket bound to an address receives no multicast.
 */
async function openPair(own: string): Promise<Socket> {
  const card = cardOf(own)
  if (card === null) throw new Error(`no network interface has the address ${own}`)
  const receiver = await open('udp6', '::', (socket) => socket.addMembership(MDNS_ADDRESS_V6, card))
  const sender = await open('udp6', own, (socket) => {
    socket.setMulticastInterface(card)
    socket.setMulticastTTL(TTL)
  }).catch((error: unknown) => {
    receiver.close()
    throw error
  })
  const pair = Object.assign(new EventEmitter(), {
    send: sender.send.bind(sender),
    close: (done?: () => void): void => {
      receiver.close()
      sender.close(done)
    },
  })
  for (const socket of [receiver, sender])
    socket.on('message', (message, from) => pair.emit('message', message, from))
  return pair as unknown as Socket
}

/**
 * @param own an address of this computer, used as the sender's address on its network
 * @throws Error when the socket cannot be bound or joined
 */
export const openMdnsSocket = (own: string): Promise<Socket> =>
  isIPv6(own)
    ? openPair(own)
    : open('udp4', '0.0.0.0', (socket) => {
        socket.addMembership(MDNS_ADDRESS, own)
        socket.setMulticastInterface(own)
        socket.setMulticastTTL(TTL)
      })

/** Options for a socket that is already bound, so that the library neither binds nor joins. */
export const mdnsOptions = (socket: Socket, own: string) => ({
  ...{ socket, bind: false, multicast: false, port: MDNS_PORT },
  ...(isIPv6(own) ? { type: 'udp6', ip: MDNS_ADDRESS_V6, interface: own } : {}),
})
