/**
 * The real link that finds no controller, again and again: months of it in a moment, because the waits between the tries are
 * cut short. What a PC would hold on to meanwhile is counted.
 */
import { getEventListeners } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { join } from 'node:path'
import type { AddressInfo, Server } from 'node:net'
import { findHub } from '../discovery/find-hub.ts'
import { openIdentity, type Enrollment } from '../identity/identity.ts'
import type { Log } from '../lib/log.ts'
import { createLink, type Questions } from '../link/link.ts'
import { pinnedTo } from '../link/pinned-agent.ts'
import { makeTlsKey } from './tls-key.ts'

/** What stands where the controller was. */
export const ABSENCES = ['nobody', 'drops', 'another key'] as const
export type Absence = (typeof ABSENCES)[number]

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )

/** `nobody`: the port is closed; `drops`: connections are taken and ended; `another key`: a TLS server that is not the hub. */
async function openAbsence(kind: Absence): Promise<{ address: string; close: () => void }> {
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
  if (kind === 'nobody') close()
  return { address: `127.0.0.1:${port}`, close }
}

export type Holdings = {
  /** What keeps the event loop: sockets, timers, requests. */
  resources: number
  /** Open files and sockets; null where the system does not tell. */
  files: number | null
  /** Listeners on the signal that ends the agent. */
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

export type PatienceOptions = {
  kind: Absence
  /** Between two tries; the real ones are 1 s to 60 s. */
  waitMs: number
  /** For the identity. */
  folder: string
  /** Called between two tries, with how many there were. False ends it. */
  onTries: (tries: number, holdings: () => Holdings) => boolean | Promise<boolean>
  /** Also listens for announcements on the LAN between the tries, as the agent does. */
  looksOnLan: boolean
  log: Log
}

/** Runs until `onTries` says false. */
export async function failToConnect(options: PatienceOptions): Promise<void> {
  const { log } = options
  const absence = await openAbsence(options.kind)
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
    addresses: [absence.address],
    secret_hash: '',
  }
  const stop = new AbortController()
  let tries = 0
  const link = createLink({
    enrollment: () => enrollment,
    pin: pinnedTo(enrollment.fingerprint),
    sign: identity.sign,
    hello: () => {
      throw new Error('nobody here can ask for it')
    },
    keeper: identity,
    onCommand: () => ({ accepted: false, why: 'malformed', message: '' }),
    // Nobody gets as far as to ask one.
    questions: {} as Questions,
    onReady: () => undefined,
    onLost: () => undefined,
    async find(signal) {
      const goesOn = await options.onTries(++tries, () => holdings(stop.signal))
      if (!goesOn) stop.abort(new Error('it was long enough'))
      return options.looksOnLan ? findHub(enrollment.fingerprint, signal, log) : []
    },
    timings: { minMs: options.waitMs, maxMs: options.waitMs },
    log,
  })
  try {
    await link.keep(stop.signal)
  } finally {
    absence.close()
  }
}
