/**
 * The real link that repeatedly fails to find a controller: months of it in a moment, because the delays
 * between tries are shortened. Counts the resources that the agent holds.
 */
import { getEventListeners } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { join } from 'node:path'
import type { AddressInfo, Server } from 'node:net'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { findHub } from '../discovery/find-hub.ts'
import { openIdentity, type Enrollment } from '../identity/identity.ts'
import type { Log } from '../lib/log.ts'
import { createLink } from '../link/link.ts'
import { pinnedTo } from '../link/pinned-agent.ts'
import type { RequestHandlers } from '../link/session.ts'
import { makeTlsKey } from './tls-key.ts'

/** What answers at the controller's address. */
export const OUTAGES = ['closed port', 'drops', 'another key'] as const
export type Outage = (typeof OUTAGES)[number]

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )

/**
 * `closed port`: nothing listens; `drops`: connections are accepted and closed; `another key`: a TLS server
 * that is not the hub.
 */
async function openOutage(kind: Outage): Promise<{ address: string; close: () => void }> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
  }
  const drop = (socket: Socket): void => void socket.on('error', () => undefined).destroy()
  const { key, cert } = await makeTlsKey()
  const server = kind === 'another key' ? createTlsServer({ key, cert }, keep) : createServer(drop)
  const port = await listening(server)
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  if (kind === 'closed port') close()
  return { address: `127.0.0.1:${port}`, close }
}

export type Holdings = {
  /** What keeps the event loop alive: sockets, timers, requests. */
  resources: number
  /** Open files and sockets; null if the system does not report them. */
  files: number | null
  /** Listeners on the signal that stops the agent. */
  stopListeners: number
}

function holdings(stop: AbortSignal): Holdings {
  let files: number | null = null
  try {
    files = readdirSync('/proc/self/fd').length
  } catch {
    // Not Linux.
  }
  return {
    resources: process.getActiveResourcesInfo().length,
    files,
    stopListeners: getEventListeners(stop, 'abort').length,
  }
}

export type FailOptions = {
  kind: Outage
  /** Between two tries; the real delays are 1 s to 60 s. */
  waitMs: number
  /** For the identity. */
  folder: string
  /** Called between two tries with the number of tries so far. Returning false ends the run. */
  onTries: (tries: number, holdings: () => Holdings) => boolean | Promise<boolean>
  /** Also listens for advertisements on the LAN between the tries, as the agent does. */
  searchesLan: boolean
  log: Log
}

/** Runs until `onTries` returns false. */
export async function failToConnect(options: FailOptions): Promise<void> {
  const { log } = options
  const outage = await openOutage(options.kind)
  const identity = openIdentity(join(options.folder, 'identity.json'))
  const { fingerprint } = await makeTlsKey()
  const key = identity.publicKey
  const enrollment: Enrollment = {
    device_id: 1 as Enrollment['device_id'],
    fingerprint: fingerprint,
    command_key: key,
    key_id: 'test-key',
    recovery_key: key,
    generation: 0,
    epoch: 0,
    addresses: [outage.address],
    secret_hash: '',
  }
  const stop = new AbortController()
  let tries = 0
  const link = createLink({
    enrollment: () => enrollment,
    pin: pinnedTo(enrollment.fingerprint),
    sign: identity.sign,
    hello: () => {
      throw new Error('no request can arrive here')
    },
    keeper: identity,
    onCommand: () => ({ accepted: false, why: 'malformed', message: '' }),
    // No connection gets far enough to ask one.
    requests: {} as RequestHandlers,
    onReady: () => undefined,
    onLost: () => undefined,
    async find(signal) {
      const goesOn = await options.onTries(++tries, () => holdings(stop.signal))
      if (!goesOn) stop.abort(new Error('it was long enough'))
      return options.searchesLan
        ? findHub(enrollment.fingerprint, signal, { clock: systemClock, log })
        : []
    },
    timings: { minMs: options.waitMs, maxMs: options.waitMs },
    clock: systemClock,
    random: systemRandom,
    log,
  })
  try {
    await link.keep(stop.signal)
  } finally {
    outage.close()
  }
}
