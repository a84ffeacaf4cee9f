/**
 * Enrolment without a code: commit, reveal, compare six digits on two screens. This is the hub's
 * side of the protocol in shared/contract/agent/pairing.ts, without its sockets. A PC is admitted once
 * somebody has approved it in the console *and* the person at the PC has confirmed the digits: a
 * single confirmation could have been given to a man in the middle.
 */
import { createHash } from 'node:crypto'
import type { Cancel } from '#shared/node/clock.ts'
import type { EnrollReply } from '#shared/contract/agent/link.ts'
import { AppError } from '#shared/contract/errors.ts'
import {
  PAIRING_PROTOCOL,
  type PairBegin,
  type PairBeginReply,
  type PairEnded,
  type PairRevealReply,
} from '#shared/contract/agent/pairing.ts'
import { PAIRING_EXPIRES_MS } from '#shared/domain/defaults.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import {
  agentCommitmentText,
  digitsOf,
  digitsText,
  hubCommitmentText,
  pairingProofText,
} from '#shared/domain/pairing.ts'
import type { Audit } from '../audit/index.ts'
import type { Clock, Log, Now, Random, Viewer } from '../../base/context.ts'
import type { Devices } from '../devices/index.ts'
import type { ControllerKeys } from '../identity/index.ts'
import type { Store } from '../../store/store.ts'
import { createPauses, type PauseTimings } from './pauses.ts'
import { verifies } from './proof.ts'
import { enrollReply } from './reply.ts'

export type PairingTimings = PauseTimings & {
  /** From the commitments to the nonces: two programs, no people. */
  revealMs: number
  expiresMs: number
}
export const PAIRING_TIMINGS: PairingTimings = {
  revealMs: 15_000,
  expiresMs: PAIRING_EXPIRES_MS,
  firstMs: 60_000,
  longestMs: 3_600_000,
  perHour: 100,
}
/**
 * At the same time, for all PCs together, and from one address (several virtual PCs may share one).
 */
const MAX_OPEN = 32
const MAX_OPEN_PER_ADDRESS = 4

/** The connection to the PC. */
export type PairingLink = {
  /** Resolves once the PC has stored its enrolment on disk. */
  admitted: (reply: EnrollReply) => Promise<void>
  ended: (why: PairEnded) => void
}
export type OpenPairing = {
  reveal: (nonce: string) => PairRevealReply
  answer: (same: boolean) => void
  /** The connection has ended, or it sent an unexpected message. */
  left: () => void
}
export type PairingService = ReturnType<typeof createPairing>

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
const refusal = (message: string, retryMs: number | null) =>
  ({
    ok: false,
    message,
    retry_after_seconds: retryMs === null ? null : Math.max(1, Math.ceil(retryMs / 1_000)),
  }) as const

export function createPairing(deps: {
  store: Store
  now: Now
  clock: Clock
  random: Random
  log: Log
  audit: Audit
  devices: Devices
  /** They may change: a pairing keeps those that it started with. */
  keys: () => ControllerKeys
  addresses: () => string[]
  timings?: Partial<PairingTimings>
}) {
  const { devices, clock } = deps
  const timings = { ...PAIRING_TIMINGS, ...deps.timings }
  const pauses = createPauses(timings, clock.monotonicMs)
  type Pairing = {
    begun: PairBegin
    keys: ControllerKeys
    address: string
    /** The names that have to wait if the pairing fails. */
    names: string[]
    nonce: string
    link: PairingLink
    deviceId: DeviceId | null
    confirmed: boolean
    cancelTimer: Cancel
  }
  const open = new Set<Pairing>()

  function close(pairing: Pairing, admitted: boolean): boolean {
    if (!open.delete(pairing)) return false
    pairing.cancelTimer()
    if (pairing.deviceId !== null) devices.pending.end(pairing.deviceId, admitted)
    return true
  }
  /** Fails the pairing: the same PC and the same address have to wait before they may try again. */
  function fail(pairing: Pairing, message: string): void {
    if (!close(pairing, false)) return
    pauses.failed(pairing.names)
    const { retry_after_seconds } = refusal(message, pauses.waitMs(pairing.names))
    deps.log.info({ address: pairing.address, why: message }, 'a pairing failed')
    pairing.link.ended({ message, retry_after_seconds })
  }

  /** Both sides have confirmed. */
  function admit(pairing: Pairing, by: Viewer): void {
    const { begun, address, link } = pairing
    const deviceId = deps.store.transaction(() => {
      const id = devices.enroll({
        facts: begun.facts,
        publicKey: begun.public_key,
        ownerId: by.id,
        enrollmentId: null,
        address,
      })
      const subject = `device ${begun.facts.name}`
      deps.audit.record(by, 'device.pair', subject, `digits compared, from ${address}`, {
        deviceId: id,
      })
      return id
    })
    close(pairing, true)
    pauses.succeeded(pairing.names)
    devices.announce([deviceId])
    const reply = enrollReply(pairing.keys, deviceId, deps.addresses())
    // A PC that disconnected just now pairs again with the same key and is the same device.
    link.admitted(reply).catch((error: unknown) => {
      deps.log.warn({ err: error, address }, 'a PC did not confirm that it stored its enrolment')
    })
  }
  function admitIfDecided(pairing: Pairing): void {
    const by = pairing.deviceId === null ? null : devices.pending.approvedBy(pairing.deviceId)
    if (!by || !pairing.confirmed || !open.has(pairing)) return
    try {
      admit(pairing, by)
    } catch (error) {
      deps.log.error({ err: error, address: pairing.address }, 'a PC could not be enrolled')
      fail(pairing, 'The controller could not enrol this PC.')
    }
  }
  const offDecisions = devices.pending.onDecision((decision) => {
    for (const pairing of open)
      if (pairing.deviceId === decision.id)
        if (decision.what === 'approved') admitIfDecided(pairing)
        else fail(pairing, 'This PC was rejected in the console.')
  })

  /** Ends all pairings; no PC has to wait for something that it did not cause. */
  function endAll(message: string): void {
    for (const pairing of [...open]) {
      close(pairing, false)
      pairing.link.ended({ message, retry_after_seconds: null })
    }
  }

  /** Why this PC must not pair now, or null. */
  function whyNot(begin: PairBegin, address: string, names: string[]) {
    if (begin.protocol !== PAIRING_PROTOCOL)
      return refusal(
        `The agent speaks pairing protocol ${begin.protocol}, this controller ${PAIRING_PROTOCOL}. Use the agent that came with this controller.`,
        null,
      )
    const waitMs = pauses.waitMs(names)
    if (waitMs > 0)
      return refusal(
        `An earlier attempt failed. Try again in ${Math.ceil(waitMs / 1_000)} s.`,
        waitMs,
      )
    const all = [...open]
    const here = all.filter((other) => other.address === address).length
    if (all.length >= MAX_OPEN || here >= MAX_OPEN_PER_ADDRESS)
      return refusal(
        'Too many PCs are already waiting for approval. Approve or reject those first.',
        60_000,
      )
    if (all.some((other) => other.begun.public_key === begin.public_key))
      return refusal('This PC is already waiting for approval.', 15_000)
    const proof = pairingProofText(deps.keys().fingerprint, begin.public_key, begin.commitment)
    if (!verifies(begin.public_key, proof, begin.signature))
      return refusal('The agent did not prove that it holds its key to this controller.', null)
    return null
  }

  function reveal(pairing: Pairing, nonce: string): PairRevealReply {
    const { begun, address, keys } = pairing
    const isKept =
      sha256(agentCommitmentText(nonce, begun.public_key)).toString('hex') === begun.commitment
    if (pairing.deviceId !== null || !isKept || !open.has(pairing)) {
      const message = 'The agent did not show the number that it had committed to.'
      fail(pairing, message)
      return refusal(message, pauses.waitMs(pairing.names) || null)
    }
    const facts = {
      agentKey: begun.public_key,
      fingerprint: keys.fingerprint,
      commandKey: keys.command.publicKey,
    }
    pairing.cancelTimer()
    try {
      pairing.deviceId = devices.pending.add({
        facts: begun.facts,
        publicKey: begun.public_key,
        address,
        digits: digitsOf(sha256(digitsText(facts, nonce, pairing.nonce))),
        expiresAtMs: deps.now() + timings.expiresMs,
      })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      fail(pairing, error.message)
      return refusal(error.message, null)
    }
    pairing.cancelTimer = clock.setTimer(timings.expiresMs, () =>
      fail(pairing, 'The digits were not confirmed on both sides in time.'),
    )
    return { ok: true, nonce: pairing.nonce }
  }

  return {
    /** Starts a pairing. `pairing` is null if it is refused. */
    begin(
      begin: PairBegin,
      address: string,
      link: PairingLink,
    ): { reply: PairBeginReply; pairing: OpenPairing | null } {
      const names = [`key ${begin.public_key}`, `address ${address}`]
      const no = whyNot(begin, address, names)
      if (no) return { reply: no, pairing: null }
      const nonce = deps.random.bytes(32).toString('hex')
      const keys = deps.keys()
      const pairing: Pairing = {
        begun: begin,
        keys,
        address,
        names,
        nonce,
        link,
        deviceId: null,
        confirmed: false,
        cancelTimer: clock.setTimer(timings.revealMs, () =>
          fail(pairing, 'The agent did not continue.'),
        ),
      }
      open.add(pairing)
      const commitment = sha256(hubCommitmentText(nonce, keys.fingerprint, keys.command.publicKey))
      return {
        reply: {
          ok: true,
          commitment: commitment.toString('hex'),
          command_key: keys.command.publicKey,
          key_id: keys.command.keyId,
        },
        pairing: {
          reveal: (agentNonce) => reveal(pairing, agentNonce),
          answer(same) {
            if (pairing.deviceId === null || !same)
              return fail(pairing, 'The digits were not the same on both sides.')
            pairing.confirmed = true
            devices.pending.confirm(pairing.deviceId)
            admitIfDecided(pairing)
          },
          left: () => fail(pairing, 'The PC disconnected.'),
        },
      }
    },
    /** The digits covered the previous keys. */
    keysChanged: (): void => endAll("The controller's keys have changed. Start again."),
    stop(): void {
      offDecisions()
      endAll('The controller is stopping.')
    },
  }
}
