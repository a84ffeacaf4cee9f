/**
 * Sends commands. They are signed in the signer's own thread, then passed to the agents' sockets in small slices, so that the
 * hub stays responsive. One first-in, first-out queue for all: a cancel never overtakes the command it cancels.
 */
import type { InspectReply } from '#shared/contract/agent/inspect.ts'
import type {
  CancelDeployment,
  CommandReply,
  DeploySoftware,
  InspectDevice,
  RestartDevice,
} from '#shared/contract/agent/link.ts'
import type { RestartReply } from '#shared/contract/agent/restart.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { AttemptId, DeviceId } from '#shared/domain/ids.ts'
import type { Clock, Log } from '../../../base/context.ts'
import {
  createCommandReader,
  type Commands,
  type CommandTarget,
  type Unsigned,
} from './commands.ts'
import type { AgentRules } from './agent-rules.ts'
import type { SealedArguments } from '../../../base/sealed-arguments.ts'
import type { Signer } from '../../signing/index.ts'
import type { DeploymentsRepo, InstallerRow } from '../tables/deployments.repo.ts'
import type { Recorder } from '../reports/record.ts'
import type { EngineTimings } from '../timings.ts'

/** How commands reach an agent. Rejects when the device has no link or does not answer in time. */
export type AgentPort = {
  deploy: (deviceId: DeviceId, command: DeploySoftware, timeoutMs: number) => Promise<CommandReply>
  cancel: (
    deviceId: DeviceId,
    command: CancelDeployment,
    timeoutMs: number,
  ) => Promise<CommandReply>
  /** Asks what a deployment would find on the device. */
  inspect: (deviceId: DeviceId, request: InspectDevice, timeoutMs: number) => Promise<InspectReply>
  /** Orders a restart of its PC, or withdraws that order. */
  restart: (deviceId: DeviceId, order: RestartDevice, timeoutMs: number) => Promise<RestartReply>
}

export type Sending = {
  kind: 'deploy' | 'cancel'
  target: CommandTarget
  attemptId: AttemptId
  sequence: number
}
type Prepared = { sending: Sending } & (
  | { kind: 'deploy'; command: Unsigned<DeploySoftware> }
  | { kind: 'cancel'; command: Unsigned<CancelDeployment> }
)
export type Sender = ReturnType<typeof createSender>

/** Commands signed together. */
const SIGN_SLICE = 100
/** Commands passed to sockets before the event loop gets a turn. */
const EMIT_SLICE = 25

export function createSender(deps: {
  repo: DeploymentsRepo
  sealed: SealedArguments
  commands: Commands
  sign: Signer['sign']
  agents: AgentPort
  agentRules: Pick<AgentRules, 'unreadable'>
  recorder: Pick<Recorder, 'take'>
  timings: EngineTimings
  clock: Pick<Clock, 'nextTurn'>
  log: Log
  nameOf: (id: DeviceId) => string
  /** A cancel did not reach the agent: it has to be sent again. */
  cancelLost: (target: CommandTarget) => void
}) {
  const { timings } = deps
  const queue: Sending[] = []
  let isDraining = false
  let stopped = false

  const noAnswer = ({ kind, target, attemptId }: Sending, error: unknown): void => {
    deps.log.debug(
      { err: error, deviceId: target.device_id, targetId: target.id },
      'a command was not answered',
    )
    if (kind === 'cancel') return deps.cancelLost(target)
    void deps.recorder.take({
      kind: 'reply',
      deviceId: target.device_id,
      attemptId,
      reply: 'no_answer',
    })
  }

  function answered({ kind, target, attemptId }: Sending, reply: CommandReply): void {
    const deviceId = target.device_id
    if (kind === 'deploy')
      return void deps.recorder.take({ kind: 'reply', deviceId, attemptId, reply })
    // The agent never had the attempt, or lost it: there is nothing to wait for.
    if (!reply.accepted && reply.why === 'unknown_attempt')
      void deps.recorder.take({ kind: 'cancel_unknown', deviceId, attemptId })
  }

  /** Whether its agent would refuse the command because of a rule that it cannot read: if so, the attempt ends here. */
  function isUnreadable({ target, attemptId }: Sending, installer: InstallerRow | null): boolean {
    const deviceId = target.device_id
    const rule = deps.agentRules.unreadable(deviceId, installer?.detection ?? null)
    if (!rule) return false
    const text = coded('agent_lacks_rule', { device: deps.nameOf(deviceId), rule: rule.type })
    void deps.recorder.take({ kind: 'unreadable', deviceId, attemptId, text })
    return true
  }

  function prepare(slice: Sending[]): Prepared[] {
    const read = createCommandReader(deps.repo, deps.sealed)
    return slice.flatMap((sending): Prepared[] => {
      const { kind, attemptId, sequence } = sending
      try {
        const row = read(sending.target)
        if (!row) return []
        if (kind === 'deploy' && isUnreadable(sending, row.installer)) return []
        return kind === 'deploy'
          ? [{ sending, kind, command: deps.commands.deploy(row, attemptId, sequence) }]
          : [{ sending, kind, command: deps.commands.cancel(row, attemptId, sequence) }]
      } catch (error) {
        noAnswer(sending, error)
        return []
      }
    })
  }

  function emit(prepared: Prepared, signature: string): void {
    const { sending, kind } = prepared
    const { device_id } = sending.target
    const sent =
      kind === 'deploy'
        ? deps.agents.deploy(device_id, prepared.command.signed(signature), timings.ackTimeoutMs)
        : deps.agents.cancel(device_id, prepared.command.signed(signature), timings.ackTimeoutMs)
    // After the stop the store is closed, so no answer can be recorded; the next start sends the commands again.
    sent.then(
      (reply) => (stopped ? undefined : answered(sending, reply)),
      (error: unknown) => (stopped ? undefined : noAnswer(sending, error)),
    )
  }

  const signed = async (list: Prepared[]): Promise<(string | null)[] | Error> => {
    try {
      return await deps.sign(list.map(({ command }) => command.text))
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }
  const nextSlice = () => {
    const list = prepare(queue.splice(0, SIGN_SLICE))
    return { list, signatures: signed(list) }
  }

  async function drain(): Promise<void> {
    isDraining = true
    let slice = nextSlice()
    while (slice.list.length > 0 && !stopped) {
      const { list } = slice
      const signatures = await slice.signatures
      // The signer prepares the next slice while this one is sent.
      slice = nextSlice()
      if (signatures instanceof Error) {
        deps.log.error({ err: signatures }, 'commands could not be signed')
        for (const { sending } of list) noAnswer(sending, signatures)
        continue
      }
      for (let i = 0; i < list.length && !stopped; i++) {
        const signature = signatures[i]
        if (signature) emit(list[i]!, signature)
        else noAnswer(list[i]!.sending, new Error('the signer returned nothing for this command'))
        if (i % EMIT_SLICE === EMIT_SLICE - 1)
          await new Promise<void>((done) => void deps.clock.nextTurn(done))
      }
    }
    isDraining = false
    // More commands were queued while the last slice was being sent.
    if (queue.length > 0 && !stopped) await drain()
  }

  return {
    send(sendings: Sending[]): void {
      queue.push(...sendings)
      if (isDraining || queue.length === 0 || stopped) return
      drain().catch((error: unknown) => {
        isDraining = false
        deps.log.error({ err: error }, 'commands could not be sent')
      })
    },
    stop(): void {
      stopped = true
    },
  }
}
