/**
 * The only way to the hub. Enrolment, socket and downloads all get their connections here, and a connection
 * is returned only after the peer has presented the pinned key: until then, the agent does not send a single
 * byte.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import { Agent } from 'node:https'
import { isIP, type OnReadOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { Fingerprint } from '#shared/domain/ids.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { ConnectToHub } from '../download/from-hub.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** A server with another key answers at the hub's address. */
export class WrongKeyError extends Error {
  /** @param issuer the authority that the certificate names, if it is not self-signed */
  constructor(address: string, shown: string, pinned: string, issuer: string | null = null) {
    super(
      `${address} does not show the key of the enrolled controller (${shown}, not ${pinned})` +
        (issuer === null
          ? ''
          : `. Its certificate was issued by "${issuer}": a proxy or virus scanner on the way opens encrypted connections. Exempt ${address} from that`),
    )
    this.name = 'WrongKeyError'
  }
}

/** The only key that may answer. */
export type Pin = {
  fingerprint: () => Fingerprint
  /**
   * Inspects the peer's certificate before it is checked: it may prove that its key succeeds the pinned one,
   * and from then on `fingerprint` returns the new key.
   */
  inspectCertificate?: (shown: string, certificate: X509Certificate) => void
}
export const pinnedTo = (fingerprint: Fingerprint): Pin => ({ fingerprint: () => fingerprint })

const ISSUER_LIMIT = 80

/** The issuer of a certificate, safe to log; null if it is self-signed, as a controller's is. */
function issuerOf({ issuer, subject }: X509Certificate): string | null {
  if (issuer === subject) return null
  const name = /^(?:CN|O)=(.+)$/m.exec(issuer)?.[1] ?? ''
  return name.replace(/[^\p{L}\p{N}\p{P}\p{Zs}]/gu, '').slice(0, ISSUER_LIMIT) || null
}

/**
 * `sha256/` + base64 of the SHA-256 over the peer's SubjectPublicKeyInfo, or a description if it presented
 * none; and its issuer.
 */
function inspectPeer(socket: TLSSocket, pin: Pin): { shown: string; issuer: string | null } {
  try {
    const certificate = socket.getPeerX509Certificate()
    const spki = certificate?.publicKey.export({ type: 'spki', format: 'der' })
    if (!certificate || !spki) return { shown: 'no key', issuer: null }
    const shown = `sha256/${createHash('sha256').update(spki).digest('base64')}`
    pin.inspectCertificate?.(shown, certificate)
    return { shown, issuer: issuerOf(certificate) }
  } catch {
    return { shown: 'an unreadable key', issuer: null }
  }
}

/**
 * One for all connections. It holds no key, session or name, and lives outside the JavaScript heap: one per
 * connection is freed so late that an agent that retries for months grows by tens of megabytes a day.
 */
let context: SecureContext | undefined
const sharedContext = (): SecureContext =>
  (context ??= createSecureContext({ minVersion: 'TLSv1.2' }))

type Done = (error: Error | null, socket?: TLSSocket) => void

type Timers = Pick<Clock, 'setTimer'>
type Reading = { onread?: OnReadOpts; signal?: AbortSignal }

function connectPinned(
  { host: target, port }: { host: string; port: number },
  { pin, clock }: { pin: Pin; clock: Timers },
  done: Done,
  reading: Reading = {},
) {
  // Some clients leave the brackets of an IPv6 address on.
  const host = target.replace(/^\[|\]$/g, '')
  const address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
  const socket = connect({
    ...reading,
    host,
    port,
    servername: isIP(host) ? '' : host,
    secureContext: sharedContext(),
    // The hub's certificate is self-signed: its issuer, name and dates mean nothing, only its key counts.
    // Node does not call `checkServerIdentity` with this setting, and that would be too late anyway; so the
    // key is compared below, and the socket does not leave this function until it has matched.
    rejectUnauthorized: false,
  })
  const cancelTimer = clock.setTimer(CONNECT_TIMEOUT_MS, () =>
    socket.destroy(new Error(`${address} did not answer within ${CONNECT_TIMEOUT_MS} ms`)),
  )
  const fail = (error: Error): void => {
    cancelTimer()
    done(error)
  }
  const onClose = (): void => fail(new Error(`${address} closed the connection`))
  socket.once('error', fail)
  socket.once('close', onClose)
  socket.once('secureConnect', () => {
    const { shown, issuer } = inspectPeer(socket, pin)
    const pinned = pin.fingerprint()
    // A resumed session would show no certificate, so none is offered and none is accepted.
    if (shown !== pinned || socket.isSessionReused())
      return void socket.destroy(new WrongKeyError(address, shown, pinned, issuer))
    cancelTimer()
    socket.off('error', fail)
    socket.off('close', onClose)
    done(null, socket)
  })
}

/**
 * An https agent that pins every connection to this key, for any client that takes an `agent`. Failed
 * connections surface in the client's error event: a WrongKeyError if the key differs.
 */
export function createPinnedAgent(
  pin: Pin,
  clock: Timers,
  options: { keepAlive?: boolean } = {},
): Agent {
  const agent = new Agent({ keepAlive: options.keepAlive ?? false, maxCachedSessions: 0 })
  agent.createConnection = (target, callback) => {
    let isDone = false
    const hub = { host: target.host ?? 'localhost', port: Number(target.port) }
    connectPinned(hub, { pin, clock }, (error, socket) => {
      if (isDone) return
      isDone = true
      callback?.(error, socket as Duplex)
    })
    // Return nothing: a returned socket would be written to immediately.
    return undefined
  }
  return agent
}

/** Connections that are read chunk by chunk into one buffer, for package downloads. */
export const createPinnedConnect =
  (pin: Pin, clock: Timers): ConnectToHub =>
  (host, port, { buffer, onPiece, onEnd }, signal) =>
    new Promise((resolve, reject) => {
      const onread: OnReadOpts = {
        buffer,
        callback: (bytes, into) => onPiece(Buffer.from(into.buffer, into.byteOffset, bytes)),
      }
      const done: Done = (error, socket) => {
        if (!socket) return reject(error!)
        // Handle errors as soon as the socket opens: it may fail before the caller gets it.
        socket.on('error', onEnd)
        socket.once('close', () => onEnd(new Error('the connection was closed')))
        resolve(socket)
      }
      connectPinned({ host, port }, { pin, clock }, done, { onread, signal })
    })

/**
 * For the very first contact, before there is a key to pin: reports the key that the first connection
 * presents, and accepts only that key afterwards. No secret may be sent over such a connection; six digits on
 * two screens vouch for the key (see pairing.ts). @param advertisedKey the key advertised by mDNS, if any: any
 * other key is refused
 */
export function createFirstContactAgent(
  advertisedKey: Fingerprint | null,
  clock: Timers,
): {
  agent: Agent
  seen: () => Fingerprint | null
} {
  let held = advertisedKey
  const pin: Pin = {
    // Before the first connection, this equals nothing that a peer can present.
    fingerprint: () => held ?? 'none',
    inspectCertificate(shown) {
      const key = Fingerprint.safeParse(shown)
      if (key.success) held ??= key.data
    },
  }
  const agent = createPinnedAgent(pin, clock)
  return { agent, seen: () => held }
}
