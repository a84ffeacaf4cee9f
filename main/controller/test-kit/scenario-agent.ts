/** What a scenario's agent does with each command, in words. */
import type {
  CommandPayload,
  CommandReply,
  DeployPayload,
  DeploymentResult,
} from '#shared/contract/agent/link.ts'
import type { AttemptId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import type { SimAgent } from './sim-agent.ts'

type Why = Extract<CommandReply, { accepted: false }>['why']
export type AgentStep =
  | { do: 'refuse'; why: Why }
  /** It neither replies nor remembers the command. */
  | { do: 'silent' }
  /** It accepts the command, but its reply is lost. */
  | { do: 'answer_lost' }
  | { do: 'phase'; phase: 'downloading' | 'verifying' | 'installing'; reason?: TargetReason }
  | { do: 'print'; text: string }
  | { do: 'end'; result: Partial<DeploymentResult> }

export const refuses = (why: Why): AgentStep[] => [{ do: 'refuse', why }]
export const silent: AgentStep[] = [{ do: 'silent' }]
export const answerLost: AgentStep = { do: 'answer_lost' }
export const downloads: AgentStep = { do: 'phase', phase: 'downloading' }
export const verifies: AgentStep = { do: 'phase', phase: 'verifying' }
/** Another installation on the PC has to end first. */
export const waitsForOthers: AgentStep = { do: 'phase', phase: 'verifying', reason: 'device_busy' }
/** The installer has ended, and the processes that it started continue. */
export const waitsForRest: AgentStep = { do: 'phase', phase: 'installing', reason: 'verifying' }
export const installs: AgentStep = { do: 'phase', phase: 'installing' }
export const prints = (text: string): AgentStep => ({ do: 'print', text })
export const ends = (result: Partial<DeploymentResult> = {}): AgentStep => ({ do: 'end', result })
/** Accepts the command and never reports again. */
export const hangs: AgentStep[] = []
export const obeys: AgentStep[] = [installs, ends()]
export const fails = (result: Partial<DeploymentResult> = {}): AgentStep[] => [
  installs,
  ends({
    status: 'failed',
    reason: 'install_failed',
    message: 'It broke.',
    exit_code: 1,
    ...result,
  }),
]

/** The memory of one agent across all its links. */
export function createScenarioAgent(deps: {
  /** One entry per deploy command; the last one repeats. */
  does: readonly AgentStep[][]
  ignoresCancel: boolean
  /** Resolves once the store has recorded the acceptance. */
  accepted: (id: TargetId) => Promise<unknown>
}) {
  const held = new Map<AttemptId, { command: DeployPayload; isInstalling: boolean }>()
  const commands: DeployPayload[] = []
  const begun = new Set<AttemptId>()
  let link: SimAgent | null = null
  let received = 0
  const next = (): AgentStep[] => deps.does[Math.min(received, deps.does.length) - 1] ?? obeys

  async function act(
    command: DeployPayload,
    steps: readonly AgentStep[],
    agent: SimAgent,
  ): Promise<void> {
    let seq = 0
    // Known already: it only repeats its reply.
    if (begun.has(command.attempt_id)) return
    begun.add(command.attempt_id)
    if (steps[0]?.do !== 'answer_lost') await deps.accepted(command.target_id)
    for (const step of steps) {
      const mine = held.get(command.attempt_id)
      if (!mine) return
      if (step.do === 'phase') {
        if (step.phase === 'installing') mine.isInstalling = true
        await agent.progress(command, step.phase, undefined, step.reason)
      } else if (step.do === 'print') await agent.output(command, ++seq, step.text)
      else if (step.do === 'end') {
        const { committed } = await agent.result(command, step.result)
        if (committed) held.delete(command.attempt_id)
      }
    }
  }
  function answer(command: CommandPayload): CommandReply | null {
    if (command.action === 'cancel') {
      if (deps.ignoresCancel) return null
      if (held.has(command.attempt_id)) return { accepted: true }
      return { accepted: false, why: 'unknown_attempt', message: 'Unknown here.' }
    }
    received++
    commands.push(command)
    const [first] = next()
    if (first?.do === 'silent') return null
    if (first?.do === 'refuse')
      return { accepted: false, why: first.why, message: `Refused: ${first.why}.` }
    if (begun.has(command.attempt_id)) return { accepted: true }
    held.set(command.attempt_id, { command, isInstalling: false })
    return first?.do === 'answer_lost' ? null : { accepted: true }
  }
  return {
    /** Deploy commands in the order of arrival. */
    commands: commands as readonly DeployPayload[],
    forget(): void {
      held.clear()
      begun.clear()
    },
    /** For connectSimAgent. */
    options: {
      attempts: (): AttemptId[] => [...held.keys()],
      answer(this: void, command: CommandPayload): CommandReply | null {
        const reply = answer(command)
        // A real agent works on it although nobody received its reply.
        if (reply === null && command.action !== 'cancel' && held.has(command.attempt_id))
          queueMicrotask(() => void act(command, next(), link!).catch(() => undefined))
        return reply
      },
      onCommand(this: void, command: CommandPayload, agent: SimAgent): void {
        if (command.action !== 'cancel')
          return void act(command, next(), agent).catch(() => undefined)
        const mine = held.get(command.attempt_id)
        if (!mine || mine.isInstalling) return
        held.delete(command.attempt_id)
        void agent
          .result(mine.command, { status: 'skipped', reason: 'canceled', message: 'Stopped.' })
          .catch(() => undefined)
      },
    },
    linked: (agent: SimAgent): void => void (link = agent),
  }
}
