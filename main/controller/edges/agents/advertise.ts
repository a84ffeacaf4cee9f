/**
 * Advertises the hub and the hash of its key on each of its networks (mDNS, DNS-SD). Optional:
 * where multicast does not work, agents still have their addresses, and a failure here must not
 * stop the hub from starting.
 */
import { isIP, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { Bonjour } from 'bonjour-service'
import type { Clock } from '#shared/node/clock.ts'
import {
  DISCOVERY_PROTOCOL,
  DISCOVERY_TYPE,
  type DiscoveryText,
} from '#shared/contract/agent/discovery.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import { mdnsOptions, openMdnsSocket } from '#shared/node/mdns-socket.ts'
import type { Log } from '../../base/context.ts'
import { isLoopback } from '../../base/addresses.ts'

/** How often to check for network changes: a laptop moves without notifying programs. */
const CHECK_EVERY_MS = 30_000
/** Time limit for the goodbye at shutdown. */
const GOODBYE_MS = 500

type Advertisement = { withdraw: () => Promise<void> }

/** Splits `192.168.1.5:7480` or `[fd00::5]:7480`. */
function partsOf(address: string): { own: string; port: number } {
  const at = address.lastIndexOf(':')
  return { own: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) }
}

async function advertise(
  { own, port }: { own: string; port: number },
  key: Fingerprint,
  clock: Clock,
): Promise<Advertisement> {
  const mdns = new Bonjour(mdnsOptions(await openMdnsSocket(own), own), () => undefined)
  // Unique names, so that two hubs, or the system's own mDNS service, never conflict.
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
    disableIPv6: !isIPv6(own),
  })
  return {
    withdraw: () =>
      new Promise((resolve) => {
        const close = (): void => {
          cancelTimer()
          mdns.destroy()
          resolve()
        }
        const cancelTimer = clock.setTimer(GOODBYE_MS, close)
        mdns.unpublishAll(close)
      }),
  }
}

export type Advertiser = {
  /** Checks immediately whether the advertisement has to change. */
  renew: () => void
  stop: () => Promise<void>
}

/** @param addresses HOST:PORT under which the hub can be reached now; queried every 30 s */
export function startAdvertising(deps: {
  addresses: () => string[]
  fingerprint: () => Fingerprint
  clock: Clock
  log: Log
  checkEveryMs?: number
}): Advertiser {
  const advertisements = new Map<string, Advertisement>()
  let advertised = ''
  let isStopped = false
  let work: Promise<void> = Promise.resolve()

  async function update(): Promise<void> {
    const wanted = deps.addresses().filter((address) => {
      const { own } = partsOf(address)
      return isIP(own) !== 0 && !isLoopback(own)
    })
    const key = deps.fingerprint()
    const now = wanted.length === 0 ? '' : [key, ...wanted].join()
    if (now === advertised || isStopped) return
    advertised = now
    // Replace all of them: each advertisement contains all addresses.
    await Promise.all([...advertisements.values()].map((advertisement) => advertisement.withdraw()))
    advertisements.clear()
    for (const address of wanted) {
      const place = partsOf(address)
      try {
        advertisements.set(address, await advertise(place, key, deps.clock))
      } catch (error) {
        deps.log.warn(
          { address: place.own, err: error },
          'the hub cannot be advertised on this network',
        )
      }
    }
    deps.log.info({ on: [...advertisements.keys()] }, 'the hub is advertised by mDNS')
  }
  const check = (): void => {
    work = work.then(update).catch((error: unknown) => {
      deps.log.warn({ err: error }, 'the hub cannot be advertised')
    })
  }
  check()
  const stopChecking = deps.clock.repeat(deps.checkEveryMs ?? CHECK_EVERY_MS, check)
  return {
    renew: check,
    async stop() {
      isStopped = true
      stopChecking()
      await work
      await Promise.all(
        [...advertisements.values()].map((advertisement) => advertisement.withdraw()),
      )
      advertisements.clear()
    },
  }
}
