/**
 * Duplicate identity on the wire: checks whether an older link responds, judges one new link per
 * device at a time, and separates the clone into a device of its own.
 */
import {
  splitDoneText,
  splitProofText,
  SplitReply,
  splitText,
} from '#shared/contract/agent/split.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Clock, Log } from '../../base/context.ts'
import type { Devices } from '../../slices/devices/index.ts'
import { verifies } from '../../slices/enrollment/index.ts'
import type { ControllerKeys } from '../../slices/identity/index.ts'
import { plainAddress } from '../../base/addresses.ts'
import type { Signer } from '../../slices/signing/index.ts'
import type { AgentSocket, AuthenticatedHello } from './agent-handshake.ts'

/** The link of an unplugged PC never answers; a working one answers in milliseconds. */
const STILL_THERE_TIMEOUT_MS = 3_000
const TURN_TIMEOUT_MS = 10_000
const SPLIT_TIMEOUT_MS = 10_000

export type DuplicateIdentityDeps = {
  devices: Pick<Devices, 'recognise' | 'separateClone'>
  keys: () => Pick<ControllerKeys, 'fingerprint'>
  sign: Signer['sign']
  log: Log
}

export function createDuplicateIdentity(clock: Pick<Clock, 'setTimer'>) {
  const turns = new Map<DeviceId, Promise<unknown>>()
  const proofs = new WeakMap<AgentSocket, AuthenticatedHello>()

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

  async function signed(deps: DuplicateIdentityDeps, text: string): Promise<string> {
    const [signature] = await deps.sign([text])
    if (!signature) throw new Error('the separation was not signed')
    return signature
  }

  return {
    /**
     * Runs the work of one new link per device at a time, so that each sees the result of the one
     * before. A link that waits too long or disconnects loses its turn, so a slow newcomer delays
     * only itself.
     * @returns the work's result; null if it lost its turn
     */
    inTurn<T>(id: DeviceId, socket: AgentSocket, work: () => Promise<T>): Promise<T | null> {
      const cancelTimer = clock.setTimer(TURN_TIMEOUT_MS, () => socket.disconnect(true))
      const before = turns.get(id) ?? Promise.resolve()
      const begin = () => (socket.connected ? work() : null)
      const turn = before.then(begin, begin).finally(() => {
        cancelTimer()
        if (turns.get(id) === turn) turns.delete(id)
      })
      turns.set(id, turn)
      return turn
    },

    /** Which of the two links has to get a new identity, if any. */
    async judge(
      deps: DuplicateIdentityDeps,
      newcomer: AgentSocket,
      peer: AuthenticatedHello,
      older: AgentSocket | undefined,
    ): Promise<'newcomer' | 'older' | null> {
      proofs.set(newcomer, peer)
      const isDuplicate = older !== undefined && (await lives(older))
      if (!newcomer.connected) return null
      const { device_id, hardware_id } = peer.hello
      return deps.devices.recognise(
        device_id,
        hardware_id,
        isDuplicate ? { hardwareId: proofs.get(older)?.hello.hardware_id ?? null } : null,
      )
    },

    /**
     * Makes the PC behind this link a separate device and ends the link: it reconnects as that
     * device. An interrupted separation resumes on the next connection, with the key that the agent
     * has stored. Never rejects.
     */
    async separate(deps: DuplicateIdentityDeps, socket: AgentSocket): Promise<void> {
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
        const device_id = deps.devices.separateClone(from, {
          publicKey: public_key,
          facts: hello.facts,
          address: plainAddress(socket.handshake.address),
        })
        const done = splitDoneText(fingerprint, nonce, hello.nonce, from, device_id, public_key)
        await socket
          .timeout(SPLIT_TIMEOUT_MS)
          .emitWithAck('split_done', { device_id, signature: await signed(deps, done) })
        deps.log.info({ from, deviceId: device_id }, 'separated a duplicate identity')
      } catch (error) {
        const isRefused = error instanceof AppError
        deps.log.warn({ err: error, deviceId: from }, 'a duplicate identity was not separated')
        socket.emit('refused', {
          message: isRefused ? error.message : 'Another PC has the same identity.',
          retry: !isRefused,
        })
      }
      socket.disconnect(true)
    },
  }
}
