/**
 * The one way to the hub. Enrolment, socket and downloads all take their connections from here, and a connection is
 * handed out only after the peer has shown the pinned key: before that not one byte of ours is written.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import { Agent } from 'node:https'
import { isIP, type OnReadOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { Fingerprint } from '#shared/domain/ids.ts'
import type { ConnectToHub } from '../download/from-hub.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** Somebody else answers under the hub's address. */
export class WrongKeyError extends Error {
  /** @param issuer the authority that the certificate names, where it is not its own */
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

/** The one key that may answer. */
export type Pin = {
  fingerprint: () => Fingerprint
  /**
   * Looks at what a peer shows before it is judged: a certificate may prove that its key has followed the pinned one, and
   * from then on `fingerprint` tells the new one.
   */
  meet?: (shown: string, certificate: X509Certificate) => void
}
export const pinnedTo = (fingerprint: Fingerprint): Pin => ({ fingerprint: () => fingerprint })

const ISSUER_LIMIT = 80

/** Who vouches for a certificate, in words that are safe in a log; null where it vouches for itself, as a controller's does. */
function issuerOf({ issuer, subject }: X509Certificate): string | null {
  if (issuer === subject) return null
  const name = /^(?:CN|O)=(.+)$/m.exec(issuer)?.[1] ?? ''
  return name.replace(/[^\p{L}\p{N}\p{P}\p{Zs}]/gu, '').slice(0, ISSUER_LIMIT) || null
}

/** `sha256/` + base64 of the SHA-256 over the peer's SubjectPublicKeyInfo, or a word when it showed none; and who vouches for it. */
function meetPeer(socket: TLSSocket, pin: Pin): { shown: string; issuer: string | null } {
  try {
    const certificate = socket.getPeerX509Certificate()
    const spki = certificate?.publicKey.export({ type: 'spki', format: 'der' })
    if (!certificate || !spki) return { shown: 'no key', issuer: null }
    const shown = `sha256/${createHash('sha256').update(spki).digest('base64')}`
    pin.meet?.(shown, certificate)
    return { shown, issuer: issuerOf(certificate) }
  } catch {
    return { shown: 'an unreadable key', issuer: null }
  }
}

/**
 * One for all connections. It holds no key, session or name, and lies outside the JavaScript heap: one per connection is freed so
 * late that an agent that tries for months grows by tens of megabytes a day.
 */
let context: SecureContext | undefined
const sharedContext = (): SecureContext =>
  (context ??= createSecureContext({ minVersion: 'TLSv1.2' }))

type Done = (error: Error | null, socket?: TLSSocket) => void

type Reading = { onread?: OnReadOpts; signal?: AbortSignal }

function connectPinned(target: string, port: number, pin: Pin, done: Done, reading: Reading = {}) {
  // Some clients leave the brackets of an IPv6 address on.
  const host = target.replace(/^\[|\]$/g, '')
  const address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
  const socket = connect({
    ...reading,
    host,
    port,
    servername: isIP(host) ? '' : host,
    secureContext: sharedContext(),
    // The hub's certificate is its own: no authority, name or date in it means anything, its key alone does. Node's
    // `checkServerIdentity` is not called with this setting and would come too late, so the key is compared below,
    // and the socket stays in this function until it matched.
    rejectUnauthorized: false,
  })
  const timer = setTimeout(
    () => socket.destroy(new Error(`${address} did not answer within ${CONNECT_TIMEOUT_MS} ms`)),
    CONNECT_TIMEOUT_MS,
  )
  const fail = (error: Error): void => {
    clearTimeout(timer)
    done(error)
  }
  const onClose = (): void => fail(new Error(`${address} closed the connection`))
  socket.once('error', fail)
  socket.once('close', onClose)
  socket.once('secureConnect', () => {
    const { shown, issuer } = meetPeer(socket, pin)
    const pinned = pin.fingerprint()
    // A resumed session would show no certificate of its own; none is ever offered, and none is accepted.
    if (shown !== pinned || socket.isSessionReused())
      return void socket.destroy(new WrongKeyError(address, shown, pinned, issuer))
    clearTimeout(timer)
    socket.off('error', fail)
    socket.off('close', onClose)
    done(null, socket)
  })
}

/**
 * An https agent whose every connection is pinned to this key, for any client that takes an `agent`.
 * Failed connections end in the client's error event: a WrongKeyError when the key differs.
 */
export function createPinnedAgent(pin: Pin, options: { keepAlive?: boolean } = {}): Agent {
  const agent = new Agent({ keepAlive: options.keepAlive ?? false, maxCachedSessions: 0 })
  agent.createConnection = (target, callback) => {
    let isDone = false
    connectPinned(target.host ?? 'localhost', Number(target.port), pin, (error, socket) => {
      if (isDone) return
      isDone = true
      callback?.(error, socket as Duplex)
    })
    // Nothing is returned: a returned socket would be written to at once.
    return undefined
  }
  return agent
}

/** Connections that are read piece by piece into one buffer, for the bytes of packages. */
export const createPinnedConnect =
  (pin: Pin): ConnectToHub =>
  (host, port, { buffer, onPiece, onEnd }, signal) =>
    new Promise((resolve, reject) => {
      const onread: OnReadOpts = {
        buffer,
        callback: (bytes, into) => onPiece(Buffer.from(into.buffer, into.byteOffset, bytes)),
      }
      const done: Done = (error, socket) => {
        if (!socket) return reject(error!)
        // At once: it may fail before whoever waits for it has heard that it stands.
        socket.on('error', onEnd)
        socket.once('close', () => onEnd(new Error('the connection was closed')))
        resolve(socket)
      }
      connectPinned(host, port, pin, done, { onread, signal })
    })

/**
 * For the very first contact, before there is a key to pin: the key that the first connection shows is held to, and told.
 * Nothing secret may be written to such a connection; six digits on two screens vouch for the key (see pairing.ts).
 * @param announced the key that was heard of by mDNS, if it was: another is not spoken to
 */
export function createFirstContactAgent(announced: Fingerprint | null): {
  agent: Agent
  seen: () => Fingerprint | null
} {
  let held = announced
  const agent = createPinnedAgent({
    // Before anything was shown this equals nothing that can be shown.
    fingerprint: () => held ?? 'none',
    meet(shown) {
      const key = Fingerprint.safeParse(shown)
      if (key.success) held ??= key.data
    },
  })
  return { agent, seen: () => held }
}
