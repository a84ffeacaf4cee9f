/** Reports from an authenticated agent: each message is rate limited, parsed and answered. */
import {
  agentEvents,
  type AgentEventName,
  type InventoryReport,
  type ReportReply,
} from '#shared/contract/agent/link.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { AgentUpdates } from '../../slices/agent-updates/index.ts'
import type { Clock, Log } from '../../base/context.ts'
import type { Deployments } from '../../slices/deployments/index.ts'
import type { Devices } from '../../slices/devices/index.ts'
import type { Inventories } from '../../slices/inventory/index.ts'
import { plainAddress } from '../../base/addresses.ts'
import { storageFailure } from '../../store/failures.ts'
import type { AgentSocket } from './agent-handshake.ts'

/** Messages per second that one agent may send on average; progress and output stay far below. */
const MESSAGES_PER_SECOND = 200

/** Token bucket: returns true while the sender stays within its rate. */
function createAllowance(monotonicMs: () => number, perSecond: number, burstSeconds = 10) {
  let tokens = perSecond * burstSeconds
  // Monotonic: setting the system clock has no effect.
  let atMs = monotonicMs()
  return (): boolean => {
    const nowMs = monotonicMs()
    tokens = Math.min(perSecond * burstSeconds, tokens + ((nowMs - atMs) / 1000) * perSecond)
    atMs = nowMs
    if (tokens < 1) return false
    tokens--
    return true
  }
}

export type ReportsDeps = {
  devices: Pick<Devices, 'setFacts'>
  deployments: Pick<Deployments, 'result' | 'reportProgress' | 'reportOutput'>
  inventories: Pick<Inventories, 'take'>
  agentUpdates: Pick<AgentUpdates, 'noteFacts'>
  clock: Pick<Clock, 'monotonicMs'>
  log: Log
}

/** @param isLive true while this is the device's current link */
export function handleReports(
  socket: AgentSocket,
  deviceId: DeviceId,
  deps: ReportsDeps,
  isLive: () => boolean,
): void {
  const handlers: { [N in AgentEventName]: (body: never) => Promise<ReportReply> | ReportReply } = {
    deployment_result: (body) => deps.deployments.result(deviceId, body),
    deployment_progress: (body) => deps.deployments.reportProgress(deviceId, body),
    deployment_output: (body) => deps.deployments.reportOutput(deviceId, body),
    inventory_report: ({ facts, inventory }: InventoryReport) => {
      deps.devices.setFacts(deviceId, facts, plainAddress(socket.handshake.address))
      deps.agentUpdates.noteFacts(deviceId, facts)
      return inventory ? deps.inventories.take(deviceId, inventory) : { committed: true }
    },
  }
  const allowed = createAllowance(deps.clock.monotonicMs, MESSAGES_PER_SECOND)
  for (const name of Object.keys(agentEvents) as AgentEventName[]) {
    const onMessage = async (raw: unknown, ack: unknown): Promise<void> => {
      const reply = (r: ReportReply) => {
        if (typeof ack === 'function') (ack as (r: ReportReply) => void)(r)
      }
      if (!isLive())
        return reply({
          committed: false,
          message: 'another link has replaced this one',
        })
      if (!allowed()) return reply({ committed: false, message: 'too many messages, slow down' })
      const parsed = agentEvents[name].safeParse(raw)
      if (!parsed.success) return reply({ committed: false, message: `malformed ${name}` })
      try {
        reply(await handlers[name](parsed.data as never))
      } catch (error) {
        const isBusy = storageFailure(error)?.kind === 'busy'
        if (isBusy) deps.log.debug({ deviceId, event: name }, 'a report met a locked database')
        else deps.log.error({ err: error, deviceId, event: name }, 'a report failed')
        reply({ committed: false, message: isBusy ? 'busy, send it again' : 'internal error' })
      }
    }
    socket.on(name, (raw: unknown, ack: unknown) => void onMessage(raw, ack))
  }
}
