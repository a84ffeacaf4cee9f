/**
 * The agents' end of the hub: namespace `/agents`. A link starts with a handshake that proves both sides; until then
 * nothing of it is heard and nothing is sent. Every message is parsed before anything acts on it.
 */
import { randomBytes } from 'node:crypto'
import type { Namespace, Server, Socket } from 'socket.io'
import { InspectReply } from '#shared/contract/agent-inspect.ts'
import {
  AGENT_NAMESPACE,
  AGENT_PROTOCOL,
  agentEvents,
  agentProofText,
  CommandReply,
  Hello,
  hubProofText,
  type AgentEventName,
  type AgentToHub,
  type CommandEnvelope,
  type HubToAgent,
  type InventoryReport,
  type ReportReply,
  type UpdateAgent,
} from '#shared/contract/agent-link.ts'
import { RestartReply } from '#shared/contract/agent-restart.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { AgentUpdates } from '../agent-updates/index.ts'
import type { Log } from '../context.ts'
import type { AgentPort, Deployments } from '../deployments/index.ts'
import type { Devices } from '../devices/index.ts'
import { verifies } from '../enrollment/index.ts'
import type { ControllerKeys } from '../identity/index.ts'
import type { Inventories } from '../inventory/index.ts'
import type { Signer } from '../signing/index.ts'
import { plainAddress } from '../lib/addresses.ts'
import { createTwins, type Proven } from './twins.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000
/** Links that have not proved anything yet. More than this at once is not an office coming back to work. */
const UNPROVEN_LIMIT = 2_000
/** Messages one agent may send per second over a few seconds; progress and output stay far below. */
const MESSAGES_PER_SECOND = 200

type AgentSocket = Socket<AgentToHub, HubToAgent>
type AgentNamespace = Namespace<AgentToHub, HubToAgent>

export type AgentsEdge = AgentPort & {
  /** Tells an agent to become another version. Rejects when it has no link or does not answer in time. */
  update: (deviceId: DeviceId, order: UpdateAgent, timeoutMs: number) => Promise<CommandReply>
  attach: (server: Server, deps: AttachDeps) => void
  /** Ends every link; agents come back at once. */
  dropAll: () => void
  /** Ends the link of a device that is not wanted any more. */
  refuse: (deviceId: DeviceId, message: string) => void
}
type AttachDeps = {
  devices: Devices
  deployments: Deployments
  inventories: Inventories
  agentUpdates: Pick<AgentUpdates, 'heard'>
  /** As they are at this moment. */
  keys: () => ControllerKeys
  sign: Signer['sign']
  addresses: () => string[]
  log: Log
}

class NoLink extends Error {}

/** A bucket that refills: true while the sender keeps within its share. */
function createAllowance(perSecond: number, burstSeconds = 10) {
  let tokens = perSecond * burstSeconds
  // Not the clock on the wall: that one goes back when it is set.
  let atMs = performance.now()
  return (): boolean => {
    const nowMs = performance.now()
    tokens = Math.min(perSecond * burstSeconds, tokens + ((nowMs - atMs) / 1000) * perSecond)
    atMs = nowMs
    if (tokens < 1) return false
    tokens--
    return true
  }
}

export function createAgentsEdge(): AgentsEdge {
  const links = new Map<DeviceId, AgentSocket>()
  const twins = createTwins()
  let keyId = (): string | null => null

  /** Where to send something that was signed. */
  function socketFor(deviceId: DeviceId, { envelope }: { envelope: CommandEnvelope }): AgentSocket {
    const socket = links.get(deviceId)
    if (!socket) throw new NoLink(`device ${deviceId} has no link`)
    // Signed a moment before the key changed: an agent that has followed would refuse it for good. It is signed anew.
    if (envelope.key_id !== keyId()) throw new NoLink('signed with the key of before')
    return socket
  }

  const sendAway = (socket: AgentSocket, message: string, retry: boolean): null => {
    socket.emit('refused', { message, retry })
    socket.disconnect(true)
    return null
  }
  /** Why this device may not come in, or null. */
  function notWanted(deps: AttachDeps, deviceId: DeviceId): string | null {
    const row = deps.devices.row(deviceId)
    if (!row) return 'This device is not enrolled here.'
    if (row.deleted_at !== null)
      return 'This device was removed from the controller. Enrol it again with a new code.'
    return row.blocked ? 'This device is blocked.' : null
  }

  /** The agent proves who it is. Returns what it said, or null after having sent it away. */
  async function prove(socket: AgentSocket, deps: AttachDeps): Promise<Proven | null> {
    const nonce = randomBytes(32).toString('hex')
    const answer = Hello.safeParse(
      await socket
        .timeout(HANDSHAKE_TIMEOUT_MS)
        .emitWithAck('challenge', { protocol: AGENT_PROTOCOL, nonce }),
    )
    if (!answer.success)
      return sendAway(socket, 'The agent and this controller do not speak the same protocol.', true)
    const hello = answer.data
    if (hello.protocol !== AGENT_PROTOCOL)
      return sendAway(
        socket,
        `The agent speaks protocol ${hello.protocol}, this controller ${AGENT_PROTOCOL}.`,
        true,
      )
    const row = deps.devices.row(hello.device_id)
    const proof = agentProofText(deps.keys().fingerprint, nonce, hello.nonce, hello.device_id)
    if (!row || !verifies(row.public_key, proof, hello.signature))
      return sendAway(socket, 'This device is not enrolled here.', false)
    const why = notWanted(deps, hello.device_id)
    if (why !== null) {
      const { device_id: deviceId, attempts } = hello
      deps.log.warn({ deviceId, why, attempts: attempts.length }, 'an agent was turned away')
      return sendAway(socket, why, false)
    }
    if (deps.devices.pending.has(row.id) && !row.approved)
      return sendAway(socket, 'This device waits for approval.', true)
    return { hello, nonce }
  }

  /** The hub proves in turn that it is the one the agent was enrolled with. */
  async function proveHub(
    socket: AgentSocket,
    deps: AttachDeps,
    hello: Hello,
    nonce: string,
  ): Promise<void> {
    const text = hubProofText(deps.keys().fingerprint, nonce, hello.nonce, hello.device_id)
    const [signature] = await deps.sign([text])
    if (!signature) throw new Error('the proof was not signed')
    await socket.timeout(HANDSHAKE_TIMEOUT_MS).emitWithAck('welcome', {
      signature,
      addresses: deps.addresses(),
      inventory_hash: deps.inventories.hashOf(hello.device_id),
    })
  }

  function listen(socket: AgentSocket, deviceId: DeviceId, deps: AttachDeps): void {
    const handlers: { [N in AgentEventName]: (body: never) => Promise<ReportReply> | ReportReply } =
      {
        deployment_result: (body) => deps.deployments.result(deviceId, body),
        deployment_progress: (body) => deps.deployments.reportProgress(deviceId, body),
        deployment_output: (body) => deps.deployments.reportOutput(deviceId, body),
        inventory_report: ({ facts, inventory }: InventoryReport) => {
          deps.devices.setFacts(deviceId, facts, plainAddress(socket.handshake.address))
          deps.agentUpdates.heard(deviceId, facts)
          return inventory ? deps.inventories.take(deviceId, inventory) : { committed: true }
        },
      }
    const allowed = createAllowance(MESSAGES_PER_SECOND)
    for (const name of Object.keys(agentEvents) as AgentEventName[]) {
      const onMessage = async (raw: unknown, ack: unknown): Promise<void> => {
        const reply = (r: ReportReply) => {
          if (typeof ack === 'function') (ack as (r: ReportReply) => void)(r)
        }
        if (links.get(deviceId) !== socket)
          return reply({
            committed: false,
            message: 'another link has taken the place of this one',
          })
        if (!allowed()) return reply({ committed: false, message: 'too many messages, slow down' })
        const parsed = agentEvents[name].safeParse(raw)
        if (!parsed.success) return reply({ committed: false, message: `malformed ${name}` })
        try {
          reply(await handlers[name](parsed.data as never))
        } catch (error) {
          deps.log.error({ err: error, deviceId, event: name }, 'a report failed')
          reply({ committed: false, message: 'internal error' })
        }
      }
      socket.on(name, (raw: unknown, ack: unknown) => void onMessage(raw, ack))
    }
  }

  return {
    deploy: async (deviceId, command, timeoutMs) =>
      CommandReply.parse(
        await socketFor(deviceId, command)
          .timeout(timeoutMs)
          .emitWithAck('deploy_software', command),
      ),
    cancel: async (deviceId, command, timeoutMs) =>
      CommandReply.parse(
        await socketFor(deviceId, command)
          .timeout(timeoutMs)
          .emitWithAck('cancel_deployment', command),
      ),

    inspect: async (deviceId, question, timeoutMs) =>
      InspectReply.parse(
        await socketFor(deviceId, question)
          .timeout(timeoutMs)
          .emitWithAck('inspect_device', question),
      ),
    restart: async (deviceId, order, timeoutMs) =>
      RestartReply.parse(
        await socketFor(deviceId, order).timeout(timeoutMs).emitWithAck('restart_device', order),
      ),

    update: async (deviceId, order, timeoutMs) =>
      CommandReply.parse(
        await socketFor(deviceId, order).timeout(timeoutMs).emitWithAck('update_agent', order),
      ),

    dropAll() {
      for (const socket of [...links.values()]) socket.disconnect(true)
    },

    refuse(deviceId, message) {
      const socket = links.get(deviceId)
      socket?.emit('refused', { message, retry: false })
      socket?.disconnect(true)
    },

    attach(server, deps) {
      const namespace: AgentNamespace = server.of(AGENT_NAMESPACE)
      keyId = () => deps.keys().command.keyId
      let unproven = 0

      /**
       * Gives the device's place to this link, unless it is the link of a copy. The newest link is the live one: an old
       * one may linger after a cable was pulled. Only when both live are they two PCs.
       */
      async function takePlace(
        socket: AgentSocket,
        proven: Proven,
      ): Promise<'taken' | 'copy' | 'gone'> {
        const deviceId = proven.hello.device_id
        const older = links.get(deviceId)
        const leaves = await twins.judge(deps, socket, proven, older)
        if (!socket.connected) return 'gone'
        // A person may have decided meanwhile.
        const why = notWanted(deps, deviceId)
        if (why !== null) {
          sendAway(socket, why, false)
          return 'gone'
        }
        if (leaves === 'newcomer') return 'copy'
        links.set(deviceId, socket)
        if (older && leaves === 'older') void twins.split(deps, older)
        else older?.disconnect(true)
        socket.on('disconnect', () => {
          if (links.get(deviceId) !== socket) return
          links.delete(deviceId)
          deps.devices.presence.unlinked(deviceId)
        })
        return 'taken'
      }

      async function welcome(socket: AgentSocket): Promise<void> {
        const proven = await prove(socket, deps)
        if (!proven || !socket.connected) return
        const { hello, nonce } = proven
        const deviceId = hello.device_id
        const place = await twins.inTurn(deviceId, socket, () => takePlace(socket, proven))
        if (place === 'copy') return twins.split(deps, socket)
        if (place !== 'taken') return
        deps.devices.greet(deviceId, hello, plainAddress(socket.handshake.address))
        deps.agentUpdates.heard(deviceId, hello.facts)
        // Its reports may follow the handshake at once: ears first.
        listen(socket, deviceId, deps)
        await proveHub(socket, deps, hello, nonce)
        await deps.deployments.reconcile(deviceId, hello)
        // Only now may it be given something to do.
        if (links.get(deviceId) === socket) deps.devices.presence.linked(deviceId)
      }

      namespace.on('connection', (socket) => {
        if (unproven >= UNPROVEN_LIMIT) return void socket.disconnect(true)
        unproven++
        welcome(socket)
          .catch((error: unknown) => {
            deps.log.debug(
              { err: error, address: socket.handshake.address },
              'a link did not prove itself',
            )
            socket.disconnect(true)
          })
          .finally(() => unproven--)
      })
    },
  }
}
