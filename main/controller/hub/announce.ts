/**
 * The hub says on each of its networks that it is there, with the hash of its key (mDNS, DNS-SD). It is a convenience: where
 * multicast does not work, agents still have their addresses, and nothing here may keep the hub from starting.
 */
import { createSocket, type Socket } from 'node:dgram'
import { hostname } from 'node:os'
import { Bonjour } from 'bonjour-service'
import {
  DISCOVERY_PROTOCOL,
  DISCOVERY_TYPE,
  MDNS_ADDRESS,
  MDNS_PORT,
  type DiscoveryText,
} from '#shared/contract/discovery.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import type { Log } from '../context.ts'
import { isLoopback } from '../lib/addresses.ts'

/** A laptop changes its network; nobody tells a program. */
const LOOK_AGAIN_MS = 30_000
/** So long a farewell may take at the end. */
const FAREWELL_MS = 500

type Voice = { leave: () => Promise<void> }

/**
 * A socket of our own, bound before the library has it: what cannot be bound or joined is a line in the log then, where the
 * library would end the process.
 */
function openSocket(own: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    const giveUp = (error: Error): void => {
      try {
        socket.close()
      } catch {
        // It never opened.
      }
      reject(error)
    }
    socket.once('error', giveUp)
    socket.bind({ port: MDNS_PORT, address: '0.0.0.0' }, () => {
      try {
        socket.addMembership(MDNS_ADDRESS, own)
        socket.setMulticastInterface(own)
        socket.setMulticastTTL(255)
      } catch (error) {
        return giveUp(error as Error)
      }
      socket.off('error', giveUp)
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

async function raiseVoice(own: string, port: number, key: Fingerprint): Promise<Voice> {
  const socket = await openSocket(own)
  const shared = { socket, bind: false, multicast: false, port: MDNS_PORT }
  const mdns = new Bonjour(shared, () => undefined)
  // Names of its own, so that two hubs, or the system's own mDNS service, never quarrel over one.
  const id = Buffer.from(key.slice('sha256/'.length), 'base64').toString('hex').slice(0, 8)
  const txt: DiscoveryText = { v: '1', key }
  mdns.publish({
    name: `${hostname().slice(0, 40)} ${id}`,
    host: `deployx-${id}.local`,
    type: DISCOVERY_TYPE,
    protocol: DISCOVERY_PROTOCOL,
    port,
    txt,
    probe: false,
    disableIPv6: true,
  })
  return {
    leave: () =>
      new Promise((resolve) => {
        const close = (): void => {
          clearTimeout(timer)
          mdns.destroy()
          resolve()
        }
        const timer = setTimeout(close, FAREWELL_MS)
        mdns.unpublishAll(close)
      }),
  }
}

export type Announcer = {
  /** Looks at once whether there is something new to say. */
  renew: () => void
  stop: () => Promise<void>
}

/** @param addresses HOST:PORT under which the hub can be reached now; asked again every 30 s */
export function startAnnouncing(deps: {
  addresses: () => string[]
  fingerprint: () => Fingerprint
  log: Log
  lookAgainMs?: number
}): Announcer {
  const voices = new Map<string, Voice>()
  let announced = ''
  let isStopped = false
  let work: Promise<void> = Promise.resolve()

  async function follow(): Promise<void> {
    const wanted = deps
      .addresses()
      .filter((address) => /^\d+\.\d+\.\d+\.\d+:\d+$/.test(address) && !isLoopback(address))
    const key = deps.fingerprint()
    const now = wanted.length === 0 ? '' : [key, ...wanted].join()
    if (now === announced || isStopped) return
    announced = now
    // All of them anew: each announcement names all addresses.
    await Promise.all([...voices.values()].map((voice) => voice.leave()))
    voices.clear()
    for (const address of wanted) {
      const [own = '', port] = address.split(':')
      try {
        voices.set(address, await raiseVoice(own, Number(port), key))
      } catch (error) {
        deps.log.warn({ address: own, err: error }, 'the hub cannot be announced on this network')
      }
    }
    deps.log.info({ on: [...voices.keys()] }, 'the hub is announced by mDNS')
  }
  const look = (): void => {
    work = work.then(follow).catch((error: unknown) => {
      deps.log.warn({ err: error }, 'the hub cannot be announced')
    })
  }
  look()
  const timer = setInterval(look, deps.lookAgainMs ?? LOOK_AGAIN_MS)
  timer.unref()
  return {
    renew: look,
    async stop() {
      isStopped = true
      clearInterval(timer)
      await work
      await Promise.all([...voices.values()].map((voice) => voice.leave()))
      voices.clear()
    },
  }
}
