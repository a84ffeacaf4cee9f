/** Authenticated links that then send invalid messages: an agent's link to the hub, and a console's feed. */
import { io, type Socket } from 'socket.io-client'
import {
  agentEvents,
  type AgentEventName,
  type DeployPayload,
} from '#shared/contract/agent/link.ts'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import {
  connectSimAgent,
  enrollSimAgent,
  type SimAgent,
} from '../../main/controller/test-kit/sim-agent.ts'
import type { FuzzContext, Send } from './context.ts'
import { packet } from './raw.ts'
import type { SignIn } from './rest.ts'

const ATTEMPT_ID = /^[0-9a-f]{32}$/
const ANSWER_LIMIT_MS = 30_000
/** Long enough to receive some answers, but short. */
const LINGER_MS = 20

type Emitter = {
  timeout: (ms: number) => { emitWithAck: (event: string, ...args: unknown[]) => Promise<unknown> }
  emit: (event: string, ...args: unknown[]) => unknown
}

export type Agents = { one: Send; close: () => void }

/**
 * An enrolled agent that accepts every command and sends random reports, valid and invalid.
 * @param code returns a valid enrolment code; called again when the device was removed
 */
export function authenticatedAgent(
  context: FuzzContext,
  name: string,
  code: () => Promise<string>,
): Agents {
  const { values, target } = context
  const events = Object.keys(agentEvents) as AgentEventName[]
  let agent: Promise<SimAgent> | null = null
  const commands: DeployPayload[] = []

  async function connect(): Promise<SimAgent> {
    const identity = await enrollSimAgent(target.hub, await code(), name)
    const connected = connectSimAgent(target.hub, identity, {
      onCommand: (command) => {
        values.learn(ATTEMPT_ID, command.attempt_id)
        commands.push(command as DeployPayload)
        if (commands.length > 50) commands.shift()
      },
    })
    await connected.welcomed
    return connected
  }
  /** The body refers to a received command, or to none. */
  function bodyOf(event: AgentEventName): unknown {
    const value = values.any(agentEvents[event])
    if (commands.length === 0 || typeof value !== 'object' || !values.chance(0.7)) return value
    const { deployment_id, target_id, attempt, attempt_id } = values.pick(commands)
    return { ...value, deployment_id, target_id, attempt, attempt_id }
  }

  return {
    async one() {
      agent ??= connect().catch(async (error: unknown) => {
        // Refused: the device was removed or blocked, or nobody approves it right now.
        await new Promise((resolve) => setTimeout(resolve, 200))
        throw error
      })
      const mine = agent
      try {
        const { socket } = await mine
        if (!socket.connected) throw new Error('the link was lost')
        const emitter = socket as unknown as Emitter
        context.tried('agent link, authenticated')
        const dice = values.random()
        if (dice < 0.1)
          emitter.emit(
            values.pick(['challenge', 'deploy_software', 'no such event', '']),
            values.nasty(),
          )
        else if (dice < 0.15)
          emitter.emit(values.pick(events), values.bytes(3_000), values.bytes(9))
        else if (dice < 0.155)
          (socket.io.engine as { write: (m: unknown) => void }).write(packet(values))
        else {
          const event = values.pick(events)
          const answer = emitter.timeout(ANSWER_LIMIT_MS).emitWithAck(event, bodyOf(event))
          await answer.catch(() => {
            if (socket.connected)
              context.found('unanswered', `${event} of an agent was not answered`)
          })
        }
      } catch {
        if (agent === mine) agent = null
        void mine.then((a) => a.close()).catch(() => undefined)
      }
    },
    close: () => void agent?.then((a) => a.close()).catch(() => undefined),
  }
}

/** A feed with a valid token, or with none: nothing that it sends may have an effect. */
export function feed(context: FuzzContext, signIn: SignIn | null): Send {
  const { values, target } = context
  const surface = signIn ? 'feed, signed in' : 'feed, signed out'
  let token: Promise<string> | null = null
  return async () => {
    const auth = signIn
      ? { token: await (token ??= signIn('technician')) }
      : values.pick([{}, { token: values.nasty() }, { token: { toString: 'x' } }])
    const socket: Socket = io(`http://127.0.0.1:${target.consolePort}${CONSOLE_NAMESPACE}`, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth: auth as Record<string, unknown>,
    })
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 5_000)
      const end = (): void => {
        clearTimeout(timer)
        resolve()
      }
      socket.on('connect_error', () => {
        token = null
        end()
      })
      socket.on('disconnect', end)
      socket.on('connect', () => {
        if (!signIn)
          context.found('unauthenticated_effect', 'the feed accepted a client without a token')
        const count = 1 + values.below(10)
        context.tried(surface, count)
        for (let i = 0; i < count; i++) {
          if (values.chance(0.2))
            (socket.io.engine as { write: (m: unknown) => void }).write(packet(values))
          else socket.emit(values.pick(['deployment_completed', 'x', 'join']), values.nasty())
        }
        setTimeout(end, LINGER_MS)
      })
    })
    if (!signIn) context.tried(surface)
    socket.disconnect()
  }
}
