/** Sends agents what a restart's state requires: the order, or its withdrawal. One message per restart at a time. */
import type { RestartReply } from '#shared/contract/agent/restart.ts'
import type { DeviceId, RestartId } from '#shared/domain/ids.ts'
import type { Log, Now } from '../../../base/context.ts'
import type { Devices } from '../../devices/index.ts'
import type { Signer } from '../../signing/index.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { AgentPort } from '../shell/sender.ts'
import type { EngineTimings } from '../timings.ts'
import { restartCommand } from './restart-commands.ts'
import type { RestartRow } from './restarts.repo.ts'

export type RestartSenderDeps = {
  deployments: Pick<DeploymentsRepo, 'byId'>
  devices: Pick<Devices, 'takeSequence'>
  sign: Signer['sign']
  keyId: () => string
  agents: Pick<AgentPort, 'restart'>
  now: Now
  log: Log
  timings: Pick<EngineTimings, 'ackTimeoutMs'>
}
export type RestartSender = ReturnType<typeof createRestartSender>

export function createRestartSender(
  deps: RestartSenderDeps & {
    answered: (id: RestartId, sent: 'order' | 'withdrawal', reply: RestartReply) => void
    /** The exchange is over, answered or not. */
    over: () => void
  },
) {
  const askedAtMs = new Map<RestartId, number>()
  const onTheWay = new Set<RestartId>()
  let stopped = false

  async function ask(row: RestartRow, deviceId: DeviceId): Promise<void> {
    const deployment = deps.deployments.byId(row.deployment_id)!
    const sequence = deps.devices.takeSequence(deviceId)
    const command = restartCommand(row, deployment, sequence, deps.now())
    // The key that is active at signing, which follows immediately.
    const keyId = deps.keyId()
    const [signature] = await deps.sign([command.text])
    if (!signature) throw new Error('the signer does not sign this restart')
    if (stopped) return
    const message = command.signed(signature, keyId)
    const reply = await deps.agents.restart(deviceId, message, deps.timings.ackTimeoutMs)
    // After the stop the store is closed, so no answer can be recorded; the next start asks again.
    if (!stopped)
      deps.answered(row.restart_id, row.calling_off === null ? 'order' : 'withdrawal', reply)
  }

  return {
    /** When its agent was last sent what its state requires now; null: not yet. */
    lastMs: (id: RestartId): number | null => askedAtMs.get(id) ?? null,
    /** Call it when its state changed or its agent has a new link. */
    forget: (id: RestartId): void => void askedAtMs.delete(id),
    /** Never throws; an unanswered message is repeated. */
    send: (row: RestartRow): void => {
      const id = row.restart_id
      if (stopped || onTheWay.has(id)) return
      onTheWay.add(id)
      askedAtMs.set(id, deps.now())
      ask(row, row.device_id)
        .catch((error: unknown) =>
          deps.log.warn(
            { err: error, deviceId: row.device_id },
            'a restart order could not be sent',
          ),
        )
        .finally(() => {
          onTheWay.delete(id)
          deps.over()
        })
    },
    /** The clock was changed, so the times of earlier messages mean nothing. */
    forgetAll: (): void => askedAtMs.clear(),
    stop: (): void => void (stopped = true),
  }
}
