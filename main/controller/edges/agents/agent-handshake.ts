/**
 * The handshake of an agent's link: both sides authenticate, or the agent is refused with a reason.
 */
import type { Socket } from 'socket.io'
import {
  AGENT_PROTOCOL,
  agentProofText,
  Hello,
  hubProofText,
  type AgentToHub,
  type HubToAgent,
} from '#shared/contract/agent/link.ts'
import { sequenceText } from '#shared/contract/agent/state.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Log, Random } from '../../base/context.ts'
import type { Devices } from '../../slices/devices/index.ts'
import { verifies } from '../../slices/enrollment/index.ts'
import type { ControllerKeys } from '../../slices/identity/index.ts'
import type { Inventories } from '../../slices/inventory/index.ts'
import type { Signer } from '../../slices/signing/index.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000

export type AgentSocket = Socket<AgentToHub, HubToAgent>
/** What the agent sent when it authenticated. */
export type AuthenticatedHello = { hello: Hello; nonce: string }
export type HandshakeDeps = {
  devices: Pick<Devices, 'row' | 'pending'>
  inventories: Pick<Inventories, 'hashOf'>
  /** The current keys. */
  keys: () => ControllerKeys
  sign: Signer['sign']
  addresses: () => string[]
  random: Random
  log: Log
}

export const refuse = (socket: AgentSocket, message: string, retry: boolean): null => {
  socket.emit('refused', { message, retry })
  socket.disconnect(true)
  return null
}
/** Why this device is refused, or null. */
export function refusalOf(deps: HandshakeDeps, deviceId: DeviceId): string | null {
  const row = deps.devices.row(deviceId)
  if (!row) return 'This device is not enrolled here.'
  if (row.deleted_at !== null)
    return 'This device was removed from the controller. Enrol it again with a new code.'
  return row.blocked ? 'This device is blocked.' : null
}

/** Authenticates the agent. Returns its hello, or null if it was refused. */
export async function prove(
  socket: AgentSocket,
  deps: HandshakeDeps,
): Promise<AuthenticatedHello | null> {
  const nonce = deps.random.bytes(32).toString('hex')
  const answer = Hello.safeParse(
    await socket
      .timeout(HANDSHAKE_TIMEOUT_MS)
      .emitWithAck('challenge', { protocol: AGENT_PROTOCOL, nonce }),
  )
  if (!answer.success)
    return refuse(socket, 'The agent and this controller do not speak the same protocol.', true)
  const hello = answer.data
  if (hello.protocol !== AGENT_PROTOCOL)
    return refuse(
      socket,
      `The agent speaks protocol ${hello.protocol}, this controller ${AGENT_PROTOCOL}.`,
      true,
    )
  const row = deps.devices.row(hello.device_id)
  const proof = agentProofText(deps.keys().fingerprint, nonce, hello.nonce, hello.device_id)
  if (!row || !verifies(row.public_key, proof, hello.signature))
    return refuse(socket, 'This device is not enrolled here.', false)
  const why = refusalOf(deps, hello.device_id)
  if (why !== null) {
    const { device_id: deviceId, attempts } = hello
    deps.log.warn({ deviceId, why, attempts: attempts.length }, 'an agent was refused')
    return refuse(socket, why, false)
  }
  if (deps.devices.pending.has(row.id) && !row.approved)
    return refuse(socket, 'This device waits for approval.', true)
  return { hello, nonce }
}

/** The hub proves that it is the one the agent was enrolled with. */
export async function proveHub(
  socket: AgentSocket,
  deps: HandshakeDeps,
  hello: Hello,
  nonce: string,
): Promise<void> {
  const { fingerprint } = deps.keys()
  const { device_id: id, nonce: agentNonce } = hello
  const last = deps.devices.row(id)?.last_sequence ?? 0
  // An agent with a complete journal needs no signed statement; skip it to save a signature.
  const needsStatement = last > hello.last_sequence || (hello.damaged?.length ?? 0) > 0
  const [signature, sequenceSignature] = await deps.sign([
    hubProofText(fingerprint, nonce, agentNonce, id),
    ...(needsStatement ? [sequenceText(fingerprint, nonce, agentNonce, id, last)] : []),
  ])
  if (!signature) throw new Error('the proof was not signed')
  if (hello.damaged)
    deps.log.warn({ deviceId: id, damaged: hello.damaged }, 'an agent has lost records')
  await socket.timeout(HANDSHAKE_TIMEOUT_MS).emitWithAck('welcome', {
    signature,
    addresses: deps.addresses(),
    inventory_hash: deps.inventories.hashOf(id),
    ...(sequenceSignature ? { sequence: { last, signature: sequenceSignature } } : {}),
  })
}
