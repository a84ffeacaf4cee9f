/**
 * Limits for connections that are not authenticated yet: how many one address may open, and how
 * many bytes they may send together. Received bytes count, so a half-sent message counts too.
 */
import type { IncomingMessage } from 'node:http'
import type { Log } from '../../base/context.ts'
import { plainAddress } from '../../base/addresses.ts'

/** A branch office behind one address reconnects all at once and stays below this. */
const CONNECTIONS_PER_ADDRESS = 512
/** An agent's hello has a few KiB; one that returns with thousands of results has some hundred. */
const BYTES_PER_CONNECTION = 512 * 1024
const BYTES_PER_ADDRESS = 4 * 1024 * 1024
const BYTES_IN_ALL = 16 * 1024 * 1024

/** The part of engine.io's connection that is used here. */
export type RawConnection = {
  request: IncomingMessage
  once: (event: 'close', listener: () => void) => unknown
}
type Entry = { bytes: number; forget: () => void }
type Share = { connections: number; bytes: number }

export type UnauthenticatedLimits = ReturnType<typeof createUnauthenticatedLimits>

export function createUnauthenticatedLimits(log: Log) {
  const entries = new Map<object, Entry>()
  const shares = new Map<string, Share>()
  let bytesInAll = 0

  function watch(connection: RawConnection): void {
    const { socket } = connection.request
    const address = plainAddress(socket.remoteAddress)
    const share = shares.get(address) ?? { connections: 0, bytes: 0 }
    if (share.connections >= CONNECTIONS_PER_ADDRESS) return void socket.destroy()
    shares.set(address, share)
    share.connections++
    const onData = (piece: Buffer): void => {
      entry.bytes += piece.length
      share.bytes += piece.length
      bytesInAll += piece.length
      const isTooMuch =
        entry.bytes > BYTES_PER_CONNECTION ||
        share.bytes > BYTES_PER_ADDRESS ||
        bytesInAll > BYTES_IN_ALL
      if (!isTooMuch) return
      log.debug({ address, bytes: entry.bytes }, 'an unauthenticated client sent too much')
      entry.forget()
      socket.destroy()
    }
    const entry: Entry = {
      bytes: 0,
      forget() {
        if (!entries.delete(connection)) return
        socket.off('data', onData)
        share.connections--
        share.bytes -= entry.bytes
        bytesInAll -= entry.bytes
        if (share.connections === 0) shares.delete(address)
      },
    }
    entries.set(connection, entry)
    socket.on('data', onData)
    connection.once('close', entry.forget)
  }

  return {
    watch,
    /** The client is authenticated: other limits apply from now on. */
    proved: (connection: object): void => entries.get(connection)?.forget(),
    usage: () => ({ connections: entries.size, bytes: bytesInAll }),
  }
}
