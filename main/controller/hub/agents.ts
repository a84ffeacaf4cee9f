/**
 * The agents' end of the hub: namespace `/agents`. A link starts with a handshake that proves both sides; until then
 * nothing of it is heard and nothing is sent. Every message is parsed before anything acts on it.
 */
import type { Namespace, Server } from 'socket.io'
import { InspectReply } from '#shared/contract/agent-inspect.ts'
import {
  AGENT_NAMESPACE,
  CommandReply,
  type AgentToHub,
  type CommandEnvelope,
  type HubToAgent,
  type UpdateAgent,
} from '#shared/contract/agent-link.ts'
import { RestartReply } from '#shared/contract/agent-restart.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { AgentPort, Deployments } from '../deployments/index.ts'
import type { Devices } from '../devices/index.ts'
import type { Inventories } from '../inventory/index.ts'
import { plainAddress } from '../lib/addresses.ts'
import {
  notWanted,
  prove,
  proveHub,
  sendAway,
  type AgentSocket,
  type HandshakeDeps,
  type Proven,
} from './agent-handshake.ts'
import { hearReports, type ReportsDeps } from './agent-reports.ts'
import { createTwins } from './twins.ts'

/** Links that have not proved anything yet. More than this at once is not an office coming back to work. */
const UNPROVEN_LIMIT = 2_000

export type AgentsEdge = AgentPort & {
  /** Tells an agent to become another version. Rejects when it has no link or does not answer in time. */
  update: (deviceId: DeviceId, order: UpdateAgent, timeoutMs: number) => Promise<CommandReply>
  attach: (server: Server, deps: AttachDeps) => void
  /** Ends every link; agents come back at once. */
  dropAll: () => void
  /** Ends the link of a device that is not wanted any more. */
  refuse: (deviceId: DeviceId, message: string) => void
}
type AttachDeps = HandshakeDeps &
  ReportsDeps & {
    devices: Devices
    deployments: Deployments
    inventories: Inventories
    /** The connection under a socket has proved whose it is; see unproven.ts. */
    proved: (connection: object) => void
    /** Resolves once the database can be written. @throws AppError E_BUSY after a while */
    whenWritable: () => Promise<void>
  }
type AgentNamespace = Namespace<AgentToHub, HubToAgent>

class NoLink extends Error {}

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
        deps.proved(socket.conn)
        const { hello, nonce } = proven
        const deviceId = hello.device_id
        const place = await twins.inTurn(deviceId, socket, () => takePlace(socket, proven))
        if (place === 'copy') return twins.split(deps, socket)
        if (place !== 'taken') return
        await deps.whenWritable()
        if (links.get(deviceId) !== socket) return
        deps.devices.greet(deviceId, hello, plainAddress(socket.handshake.address))
        deps.agentUpdates.heard(deviceId, hello.facts)
        // Its reports may follow the handshake at once: ears first.
        hearReports(socket, deviceId, deps, () => links.get(deviceId) === socket)
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
