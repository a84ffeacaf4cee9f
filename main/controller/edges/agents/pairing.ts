/**
 * Sockets of PCs that enrol without a code: namespace `/pairing`. They are unauthenticated, so the
 * hub accepts as little as possible from them.
 */
import type { Namespace, Server, Socket } from 'socket.io'
import {
  PAIRING_NAMESPACE,
  PairAnswer,
  PairBegin,
  PairReveal,
  type HubToPairing,
  type PairingToHub,
} from '#shared/contract/agent/pairing.ts'
import { ACK_TIMEOUT_MS } from '#shared/domain/defaults.ts'
import type { Clock, Log } from '../../base/context.ts'
import type { OpenPairing, PairingService } from '../../slices/enrollment/index.ts'
import { plainAddress } from '../../base/addresses.ts'

/** A connection that has not started pairing by then is not an agent. */
const BEGIN_TIMEOUT_MS = 10_000
const MAX_SOCKETS = 64

type PairingSocket = Socket<PairingToHub, HubToPairing>

export function attachPairing(
  server: Server,
  deps: { pairing: PairingService; clock: Clock; log: Log },
): void {
  const namespace: Namespace<PairingToHub, HubToPairing> = server.of(PAIRING_NAMESPACE)

  function serve(socket: PairingSocket): void {
    let pairing: OpenPairing | null = null
    const cancelTimer = deps.clock.setTimer(BEGIN_TIMEOUT_MS, () => socket.disconnect(true))
    const leave = (): void => {
      pairing?.left()
      pairing = null
      socket.disconnect(true)
    }
    /**
     * Accepts the message once and only if it is valid; anything else does not come from an agent
     * and ends the connection.
     */
    function once<T>(
      event: keyof PairingToHub,
      schema: { safeParse: (raw: unknown) => { success: true; data: T } | { success: false } },
      take: (body: T, ack: (reply: never) => void) => void,
    ): void {
      let isReceived = false
      const listener = (raw: unknown, ack: unknown): void => {
        const body = schema.safeParse(raw)
        if (isReceived || !body.success || typeof ack !== 'function') return leave()
        isReceived = true
        take(body.data, ack as (reply: never) => void)
      }
      socket.on(event, listener)
    }

    once<PairBegin>('pair_begin', PairBegin, (body, ack) => {
      cancelTimer()
      const begun = deps.pairing.begin(body, plainAddress(socket.handshake.address), {
        admitted: async (reply) => {
          pairing = null
          await socket.timeout(ACK_TIMEOUT_MS).emitWithAck('pair_admitted', reply)
          socket.disconnect(true)
        },
        ended: (why) => {
          pairing = null
          socket.emit('pair_ended', why)
          socket.disconnect(true)
        },
      })
      pairing = begun.pairing
      ;(ack as (reply: unknown) => void)(begun.reply)
      if (!pairing) socket.disconnect(true)
    })
    once<PairReveal>('pair_reveal', PairReveal, ({ nonce }, ack) => {
      if (!pairing) return leave()
      ;(ack as (reply: unknown) => void)(pairing.reveal(nonce))
    })
    once<PairAnswer>('pair_answer', PairAnswer, ({ same }, ack) => {
      if (!pairing) return leave()
      ;(ack as (reply: unknown) => void)({ ok: true })
      pairing.answer(same)
    })
    socket.on('disconnect', () => {
      cancelTimer()
      leave()
    })
  }

  namespace.on('connection', (socket) => {
    if (namespace.sockets.size > MAX_SOCKETS) return void socket.disconnect(true)
    deps.log.debug({ address: socket.handshake.address }, 'a PC requests enrolment without a code')
    serve(socket)
  })
}
