/**
 * The hub's agent side: namespace `/agents`. A link starts with a handshake that authenticates both
 * sides; until then the hub processes and sends nothing else. Every message is parsed before it is
 * used.
 */
import type { Namespace, Server } from 'socket.io'
import type { Clock } from '../../base/context.ts'
import { InspectReply } from '#shared/contract/agent/inspect.ts'
import {
  AGENT_NAMESPACE,
  CommandReply,
  type AgentToHub,
  type CommandEnvelope,
  type HubToAgent,
  type UpdateAgent,
} from '#shared/contract/agent/link.ts'
import { RestartReply } from '#shared/contract/agent/restart.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { AgentPort, Deployments } from '../../slices/deployments/index.ts'
import type { Devices } from '../../slices/devices/index.ts'
import type { Inventories } from '../../slices/inventory/index.ts'
import { plainAddress } from '../../base/addresses.ts'
import { isOwnAddress } from '../../base/lan-addresses.ts'
import {
  refusalOf,
  prove,
  proveHub,
  refuse,
  type AgentSocket,
  type HandshakeDeps,
  type AuthenticatedHello,
} from './agent-handshake.ts'
import { handleReports, type ReportsDeps } from './agent-reports.ts'
import { createDuplicateIdentity } from './duplicate-identity.ts'

/**
 * Links that are not authenticated yet. Even an office whose PCs all reconnect stays below this.
 */
const UNAUTHENTICATED_LIMIT = 2_000

export type AgentsEdge = AgentPort & {
  /**
   * Orders an agent to update to another version. Rejects if it has no link or does not answer in
   * time.
   */
  update: (deviceId: DeviceId, order: UpdateAgent, timeoutMs: number) => Promise<CommandReply>
  attach: (server: Server, deps: AttachDeps) => void
  /** Ends every link; agents reconnect immediately. */
  dropAll: () => void
  /** Ends the link of a refused device. */
  refuse: (deviceId: DeviceId, message: string) => void
}
type AttachDeps = HandshakeDeps &
  Omit<ReportsDeps, 'clock'> & {
    devices: Devices
    deployments: Deployments
    inventories: Inventories
    /** The connection under a socket is authenticated; see unauthenticated.ts. */
    proved: (connection: object) => void
    /** Resolves once the database is writable. @throws AppError E_BUSY on timeout */
    whenWritable: () => Promise<void>
  }
type AgentNamespace = Namespace<AgentToHub, HubToAgent>

class NoLink extends Error {}

export function createAgentsEdge(clock: Clock): AgentsEdge {
  const links = new Map<DeviceId, AgentSocket>()
  const duplicates = createDuplicateIdentity(clock)
  let keyId = (): string | null => null

  /** The socket for a signed message. */
  function socketFor(deviceId: DeviceId, { envelope }: { envelope: CommandEnvelope }): AgentSocket {
    const socket = links.get(deviceId)
    if (!socket) throw new NoLink(`device ${deviceId} has no link`)
    // Signed just before the key changed: an agent that already uses the new key would refuse it
    // permanently. The caller signs it again.
    if (envelope.key_id !== keyId()) throw new NoLink('signed with the previous key')
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

    inspect: async (deviceId, request, timeoutMs) =>
      InspectReply.parse(
        await socketFor(deviceId, request)
          .timeout(timeoutMs)
          .emitWithAck('inspect_device', request),
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
      let unauthenticated = 0

      /**
       * Makes this link the device's current one, unless it belongs to a clone. The newest link
       * wins: an old one may linger after a cable was unplugged. Two links mean two PCs only if
       * both respond.
       */
      async function takePlace(
        socket: AgentSocket,
        peer: AuthenticatedHello,
      ): Promise<'taken' | 'copy' | 'gone'> {
        const deviceId = peer.hello.device_id
        const older = links.get(deviceId)
        const leaves = await duplicates.judge(deps, socket, peer, older)
        if (!socket.connected) return 'gone'
        // The device may have been blocked or removed meanwhile.
        const why = refusalOf(deps, deviceId)
        if (why !== null) {
          refuse(socket, why, false)
          return 'gone'
        }
        if (leaves === 'newcomer') return 'copy'
        links.set(deviceId, socket)
        if (older && leaves === 'older') void duplicates.separate(deps, older)
        else older?.disconnect(true)
        socket.on('disconnect', () => {
          if (links.get(deviceId) !== socket) return
          links.delete(deviceId)
          deps.devices.presence.unlinked(deviceId)
        })
        return 'taken'
      }

      async function welcome(socket: AgentSocket): Promise<void> {
        const peer = await prove(socket, deps)
        if (!peer || !socket.connected) return
        deps.proved(socket.conn)
        const { hello, nonce } = peer
        const deviceId = hello.device_id
        const place = await duplicates.inTurn(deviceId, socket, () => takePlace(socket, peer))
        if (place === 'copy') return duplicates.separate(deps, socket)
        if (place !== 'taken') return
        await deps.whenWritable()
        if (links.get(deviceId) !== socket) return
        const address = plainAddress(socket.handshake.address)
        deps.devices.greet(deviceId, hello, address)
        deps.agentUpdates.noteFacts(deviceId, hello.facts)
        // Reports may follow the handshake immediately, so listen first.
        handleReports(socket, deviceId, { ...deps, clock }, () => links.get(deviceId) === socket)
        await proveHub(socket, deps, hello, nonce)
        await deps.deployments.reconcile(deviceId, hello)
        // Commands may be sent only from here on.
        if (links.get(deviceId) === socket)
          deps.devices.presence.linked(deviceId, address !== null && isOwnAddress(address))
      }

      namespace.on('connection', (socket) => {
        if (unauthenticated >= UNAUTHENTICATED_LIMIT) return void socket.disconnect(true)
        unauthenticated++
        welcome(socket)
          .catch((error: unknown) => {
            deps.log.debug(
              { err: error, address: socket.handshake.address },
              'a link failed to authenticate',
            )
            socket.disconnect(true)
          })
          .finally(() => unauthenticated--)
      })
    },
  }
}
