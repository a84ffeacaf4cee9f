/**
 * Two PCs, one identity, seen from the wire: asks an older link whether it lives, lets one newcomer of a device decide at a
 * time, and leads the PC that has to go to an identity of its own.
 */
import {
  splitDoneText,
  splitProofText,
  SplitReply,
  splitText,
} from '#shared/contract/agent-split.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Log } from '../context.ts'
import type { Devices } from '../devices/index.ts'
import { verifies } from '../enrollment/index.ts'
import type { ControllerKeys } from '../identity/index.ts'
import { plainAddress } from '../lib/addresses.ts'
import type { Signer } from '../signing/index.ts'
import type { AgentSocket, Proven } from './agent-handshake.ts'

/** A link whose cable was pulled says nothing; one that lives answers in milliseconds. */
const STILL_THERE_TIMEOUT_MS = 3_000
const TURN_TIMEOUT_MS = 10_000
const SPLIT_TIMEOUT_MS = 10_000

export type TwinsDeps = {
  devices: Pick<Devices, 'recognise' | 'splitOff'>
  keys: () => Pick<ControllerKeys, 'fingerprint'>
  sign: Signer['sign']
  log: Log
}

export function createTwins() {
  const turns = new Map<DeviceId, Promise<unknown>>()
  const proofs = new WeakMap<AgentSocket, Proven>()

  async function lives(socket: AgentSocket): Promise<boolean> {
    if (!socket.connected) return false
    let onEnd = (): void => undefined
    const ended = new Promise<false>((resolve) => {
      onEnd = () => resolve(false)
      socket.once('disconnect', onEnd)
    })
    const answer = socket
      .timeout(STILL_THERE_TIMEOUT_MS)
      .emitWithAck('still_there')
      .then(
        () => true,
        () => false,
      )
    return Promise.race([answer, ended]).finally(() => socket.off('disconnect', onEnd))
  }

  async function signed(deps: TwinsDeps, text: string): Promise<string> {
    const [signature] = await deps.sign([text])
    if (!signature) throw new Error('the split was not signed')
    return signature
  }

  return {
    /**
     * One newcomer of a device after the other: each finds what the one before it has made of the links. Who waits too long
     * or has gone gets no turn, so that nobody holds up others than himself.
     * @returns what the work says; null when it had no turn
     */
    inTurn<T>(id: DeviceId, socket: AgentSocket, work: () => Promise<T>): Promise<T | null> {
      const timer = setTimeout(() => socket.disconnect(true), TURN_TIMEOUT_MS)
      const before = turns.get(id) ?? Promise.resolve()
      const begin = () => (socket.connected ? work() : null)
      const turn = before.then(begin, begin).finally(() => {
        clearTimeout(timer)
        if (turns.get(id) === turn) turns.delete(id)
      })
      turns.set(id, turn)
      return turn
    },

    /** Who has to get an identity of its own, if anybody: the newcomer or the one behind the older link. */
    async judge(
      deps: TwinsDeps,
      newcomer: AgentSocket,
      proven: Proven,
      older: AgentSocket | undefined,
    ): Promise<'newcomer' | 'older' | null> {
      proofs.set(newcomer, proven)
      const isTwin = older !== undefined && (await lives(older))
      if (!newcomer.connected) return null
      const { device_id, hardware_id } = proven.hello
      return deps.devices.recognise(
        device_id,
        hardware_id,
        isTwin ? { hardwareId: proofs.get(older)?.hello.hardware_id ?? null } : null,
      )
    },

    /**
     * Makes the PC behind this link a device of its own and ends the link: it comes back as that device. Whatever is
     * interrupted on the way is taken up when it comes again, under the key that it has kept. Never rejects.
     */
    async split(deps: TwinsDeps, socket: AgentSocket): Promise<void> {
      const { hello, nonce } = proofs.get(socket)!
      const { fingerprint } = deps.keys()
      const from = hello.device_id
      try {
        const signature = await signed(deps, splitText(fingerprint, nonce, hello.nonce, from))
        const reply = SplitReply.parse(
          await socket.timeout(SPLIT_TIMEOUT_MS).emitWithAck('split', { signature }),
        )
        const { public_key } = reply
        const proof = splitProofText(fingerprint, nonce, hello.nonce, from, public_key)
        if (!verifies(public_key, proof, reply.signature))
          throw new Error('the new key was not proved')
        const device_id = deps.devices.splitOff(from, {
          publicKey: public_key,
          facts: hello.facts,
          address: plainAddress(socket.handshake.address),
        })
        const done = splitDoneText(fingerprint, nonce, hello.nonce, from, device_id, public_key)
        await socket
          .timeout(SPLIT_TIMEOUT_MS)
          .emitWithAck('split_done', { device_id, signature: await signed(deps, done) })
        deps.log.info({ from, deviceId: device_id }, 'a copied identity was split')
      } catch (error) {
        const isRefused = error instanceof AppError
        deps.log.warn({ err: error, deviceId: from }, 'a copied identity was not split')
        socket.emit('refused', {
          message: isRefused ? error.message : 'Another PC carries the same identity.',
          retry: !isRefused,
        })
      }
      socket.disconnect(true)
    },
  }
}
