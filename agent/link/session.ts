/** One connection to the hub, from its first byte to its end: authenticates both sides, then answers requests. */
import type { Agent } from 'node:https'
import { io, type Socket } from 'socket.io-client'
import { z } from 'zod'
import type { InspectReply } from '#shared/contract/agent/inspect.ts'
import {
  AGENT_NAMESPACE,
  AGENT_PROTOCOL,
  agentProofText,
  Challenge,
  hubProofText,
  Welcome,
  type AgentToHub,
  type CommandReply,
  type Hello,
  type HubToAgent,
} from '#shared/contract/agent/link.ts'
import type { RestartReply } from '#shared/contract/agent/restart.ts'
import { sequenceText } from '#shared/contract/agent/state.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { verifies, type Enrollment } from '../identity/identity.ts'
import { errorText } from '../lib/atomic-file.ts'
import { causeOf } from './connect-error.ts'
import type { CommandEvent } from './envelope.ts'
import { createPinnedAgent, type Pin } from './pinned-agent.ts'
import { createSplit, type SplitKeeper } from './split.ts'

/**
 * Other requests from the hub that expect an answer, by event. Each handler opens and checks the envelope
 * itself, and never rejects.
 */
export type RequestHandlers = {
  inspect_device: (body: unknown) => Promise<InspectReply>
  update_agent?: (body: unknown) => Promise<CommandReply>
  restart_device: (body: unknown) => Promise<RestartReply>
}

export type SessionDeps = {
  enrollment: () => Enrollment
  /** The key that must answer at the hub's addresses. */
  pin: Pin
  sign: (text: string) => string
  /** The agent's facts and state, sent at the start of a link. */
  hello: () => Pick<
    Hello,
    'last_sequence' | 'attempts' | 'hardware_id' | 'restart' | 'damaged' | 'facts'
  >
  onCommand: (event: CommandEvent, body: unknown) => CommandReply
  requests: RequestHandlers
  keeper: SplitKeeper
  clock: Clock
  random: Random
}

export type HubSocket = Socket<HubToAgent, AgentToHub>
/** Why a session ended. `refusal`: the hub refuses this agent for good. `isSplit`: this PC is a separate device now. */
export type Loss = { why: string; refusal: string | null; isSplit: boolean }

type State =
  | { step: 'connecting' }
  /** The hub's nonce is known. The hub has not proved who it is. */
  | { step: 'challenged'; hubNonce: string }
  /** Both sides are authenticated. */
  | { step: 'ready'; hubNonce: string }
  | { step: 'over' }

type Session = {
  deps: SessionDeps
  socket: HubSocket
  agentNonce: string
  state: State
  /** Ends the session; only the first call counts. */
  end: (why: string, more?: Partial<Loss>) => void
}

const Refused = z.object({ message: z.string().max(2_000), retry: z.boolean() })

/**
 * Connects, and resolves with the reason for the end.
 * @param events `onReady`: the handshake is complete, no command was received yet; `onEnd`: the session is over, the socket still open
 */
export function holdSession(
  deps: SessionDeps,
  address: string,
  handshakeMs: number,
  signal: AbortSignal,
  events: { onReady: (socket: HubSocket, welcome: Welcome) => void; onEnd: () => void },
): Promise<Loss> {
  const socket = openSocket(address, createPinnedAgent(deps.pin, deps.clock), handshakeMs)
  return new Promise((resolve) => {
    const session: Session = {
      deps,
      socket,
      agentNonce: deps.random.bytes(32).toString('hex'),
      state: { step: 'connecting' },
      end(why, { refusal = null, isSplit = false } = {}) {
        if (session.state.step === 'over') return
        session.state = { step: 'over' }
        cancelTimer()
        signal.removeEventListener('abort', onAbort)
        events.onEnd()
        socket.removeAllListeners()
        socket.disconnect()
        socket.io.engine?.close()
        resolve({ why, refusal, isSplit })
      },
    }
    const onAbort = (): void => session.end('the agent is stopping')
    signal.addEventListener('abort', onAbort)
    const cancelTimer = deps.clock.setTimer(handshakeMs, () =>
      session.end(`no handshake within ${handshakeMs / 1000} s`),
    )
    listenForEnd(session)
    listenForHandshake(session, (welcome) => {
      cancelTimer()
      events.onReady(socket, welcome)
    })
    listenForSplit(session)
    listenForRequests(session)
    if (signal.aborted) onAbort()
    else socket.connect()
  })
}

function openSocket(address: string, agent: Agent, handshakeMs: number): HubSocket {
  return io(`https://${address}${AGENT_NAMESPACE}`, {
    transports: ['websocket'],
    // Typed as a string, as in browsers, but in Node the underlying WebSocket expects an agent object.
    agent: agent as unknown as string,
    forceNew: true,
    reconnection: false,
    // Disables compression. Works, although the type does not allow it.
    perMessageDeflate: false as unknown as { threshold: number },
    timeout: handshakeMs,
    autoConnect: false,
  })
}

function listenForEnd({ socket, end }: Session): void {
  socket.on('connect_error', (error) => end(causeOf(error)))
  socket.on('disconnect', (reason) => end(reason))
  socket.on('refused', (raw: unknown) => {
    const refused = Refused.safeParse(raw)
    const message = refused.success ? refused.data.message : 'the hub refused the link'
    end(message, { refusal: refused.success && !refused.data.retry ? message : null })
  })
}

function listenForHandshake(session: Session, onProven: (welcome: Welcome) => void): void {
  const { socket } = session
  socket.on('challenge', (raw: unknown, ack: unknown) => onChallenge(session, raw, ack))
  socket.on('welcome', (raw: unknown, ack: unknown) => onWelcome(session, raw, ack, onProven))
  socket.on('still_there', (ack: unknown) => reply(ack, { ok: true }))
}

function onChallenge(session: Session, raw: unknown, ack: unknown): void {
  const { end } = session
  const challenge = Challenge.safeParse(raw)
  if (!challenge.success || typeof ack !== 'function')
    return end('the hub sent a challenge that cannot be read')
  const { protocol, nonce: hubNonce } = challenge.data
  if (protocol !== AGENT_PROTOCOL)
    return end(`the controller speaks protocol ${protocol}, this agent ${AGENT_PROTOCOL}`)
  if (session.state.step !== 'connecting') return end('the hub sent a second challenge')
  session.state = { step: 'challenged', hubNonce }
  reply(ack, helloTo(session, hubNonce))
}

function onWelcome(
  session: Session,
  raw: unknown,
  ack: unknown,
  onProven: (welcome: Welcome) => void,
): void {
  const hubNonce = hubNonceOf(session)
  const welcome = hubNonce === null ? null : provenWelcome(session, hubNonce, raw)
  reply(ack, { ok: welcome !== null })
  if (hubNonce === null || welcome === null)
    return session.end('the hub did not prove that it is the enrolled one')
  session.state = { step: 'ready', hubNonce }
  onProven(welcome)
}

function helloTo({ deps, agentNonce }: Session, hubNonce: string): Hello {
  // Read late, because the hub's certificate may have introduced new keys.
  const { fingerprint, device_id } = deps.enrollment()
  return {
    protocol: AGENT_PROTOCOL,
    device_id,
    nonce: agentNonce,
    signature: deps.sign(agentProofText(fingerprint, hubNonce, agentNonce, device_id)),
    ...deps.hello(),
  }
}

/** The hub's answer if it is signed by the enrolled hub for this very session, otherwise null. */
function provenWelcome(
  { deps, agentNonce }: Session,
  hubNonce: string,
  raw: unknown,
): Welcome | null {
  const welcome = Welcome.safeParse(raw)
  if (!welcome.success) return null
  const { fingerprint, device_id, command_key } = deps.enrollment()
  const { signature, sequence } = welcome.data
  const proof = hubProofText(fingerprint, hubNonce, agentNonce, device_id)
  if (!verifies(command_key, proof, signature)) return null
  if (!sequence) return welcome.data
  const counted = sequenceText(fingerprint, hubNonce, agentNonce, device_id, sequence.last)
  return verifies(command_key, counted, sequence.signature) ? welcome.data : null
}

function listenForSplit(session: Session): void {
  const { deps, socket, agentNonce, end } = session
  const onSplit = (step: 'answer' | 'decide') => (raw: unknown, ack: unknown) => {
    try {
      const hubNonce = hubNonceOf(session)
      const answer =
        hubNonce === null
          ? null
          : createSplit(deps.keeper, { enrollment: deps.enrollment(), hubNonce, agentNonce })[step](
              raw,
            )
      if (answer === null) return end('the hub asked for a split and did not prove itself')
      reply(ack, answer)
      if (step === 'decide') end('this PC is another device now', { isSplit: true })
    } catch (error) {
      end(`a new identity could not be kept: ${errorText(error)}`)
    }
  }
  socket.on('split', onSplit('answer'))
  socket.on('split_done', onSplit('decide'))
}

function listenForRequests(session: Session): void {
  const { deps, socket } = session
  const onCommand = (event: CommandEvent) => (raw: unknown, ack: unknown) =>
    reply(
      ack,
      session.state.step === 'ready'
        ? deps.onCommand(event, raw)
        : { accepted: false, why: 'malformed', message: 'The handshake is not complete.' },
    )
  socket.on('deploy_software', onCommand('deploy_software'))
  socket.on('cancel_deployment', onCommand('cancel_deployment'))
  for (const [event, answer] of Object.entries(deps.requests))
    (socket as Socket).on(event, (raw: unknown, ack: unknown) => {
      if (session.state.step !== 'ready' || typeof ack !== 'function') return
      void answer(raw).then(ack as (reply: unknown) => void)
    })
}

/** Null: there was no challenge yet. */
const hubNonceOf = ({ state }: Session): string | null =>
  'hubNonce' in state ? state.hubNonce : null

/** The hub may have asked for no answer. */
function reply(ack: unknown, answer: object): void {
  if (typeof ack === 'function') (ack as (answer: object) => void)(answer)
}
