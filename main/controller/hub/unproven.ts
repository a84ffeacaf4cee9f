/**
 * What connections may cost that have proved nothing yet: how many one address may hold, and how many bytes they may have sent
 * together. Counted are the bytes that came in, so that a message of which only half was ever sent counts too.
 */
import type { IncomingMessage } from 'node:http'
import type { Log } from '../context.ts'
import { plainAddress } from '../lib/addresses.ts'

/** A branch office behind one address comes back at once; more than that is none. */
const CONNECTIONS_PER_ADDRESS = 512
/** The greeting of an agent has a few KiB. One that comes back with thousands of results has some hundred. */
const BYTES_PER_CONNECTION = 512 * 1024
const BYTES_PER_ADDRESS = 4 * 1024 * 1024
const BYTES_IN_ALL = 16 * 1024 * 1024

/** As far as they are used of engine.io's. */
export type RawConnection = {
  request: IncomingMessage
  once: (event: 'close', listener: () => void) => unknown
}
type Entry = { bytes: number; forget: () => void }
type Share = { connections: number; bytes: number }

export type Unproven = ReturnType<typeof createUnproven>

export function createUnproven(log: Log) {
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
      log.debug({ address, bytes: entry.bytes }, 'a stranger sent too much')
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
    /** It has proved who it is: other limits hold from now on. */
    proved: (connection: object): void => entries.get(connection)?.forget(),
    usage: () => ({ connections: entries.size, bytes: bytesInAll }),
  }
}
