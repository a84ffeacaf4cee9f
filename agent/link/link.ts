/**
 * The permanent connection to the hub: finds it among its addresses, authenticates both sides, and reconnects
 * forever.
 */
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
  ReportReply,
  Welcome,
  type AgentEventName,
  type AgentToHub,
  type CommandReply,
  type Hello,
  type HubToAgent,
} from '#shared/contract/agent/link.ts'
import type { RestartReply } from '#shared/contract/agent/restart.ts'
import { sequenceText } from '#shared/contract/agent/state.ts'
import {
  ACK_TIMEOUT_MS,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
  RECONNECT_SPREAD_MS,
} from '#shared/domain/defaults.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { verifies, type Enrollment } from '../identity/identity.ts'
import type { Log } from '../lib/log.ts'
import { createBackoff, linkedSignal } from '../lib/wait.ts'
import { errorText } from '../lib/atomic-file.ts'
import { causeOf } from './connect-error.ts'
import type { CommandEvent } from './envelope.ts'
import { createPinnedAgent, type Pin } from './pinned-agent.ts'
import type { ReportBody, Reporter } from './reporter.ts'
import { createSplit, SeparateDeviceError, type SplitKeeper } from './split.ts'

export type LinkTimings = {
  handshakeMs: number
  ackMs: number
  minMs: number
  maxMs: number
  spreadMs: number
}
export const LINK_TIMINGS: LinkTimings = {
  handshakeMs: 20_000,
  ackMs: ACK_TIMEOUT_MS,
  minMs: RECONNECT_MIN_MS,
  maxMs: RECONNECT_MAX_MS,
  spreadMs: RECONNECT_SPREAD_MS,
}

/** A link that broke sooner does not show that the next one will hold. */
const STABLE_AFTER_MS = 10_000

/** The hub refuses this agent for good, so retrying is useless. */
export class RefusedError extends Error {}

export type Link = Reporter & {
  /** HOST:PORT of the current link, or null. */
  address: () => string | null
  /**
   * Keeps a link until the signal fires. @throws RefusedError when the hub refuses this agent for good,
   * SeparateDeviceError when this PC is a separate device from now on
   */
  keep: (signal: AbortSignal) => Promise<void>
}

/**
 * Other requests from the hub that expect an answer, by event. Each handler opens and checks the envelope
 * itself, and never rejects.
 */
export type RequestHandlers = {
  inspect_device: (body: unknown) => Promise<InspectReply>
  update_agent?: (body: unknown) => Promise<CommandReply>
  restart_device: (body: unknown) => Promise<RestartReply>
}

type HubSocket = Socket<HubToAgent, AgentToHub>
const Refused = z.object({ message: z.string().max(2_000), retry: z.boolean() })
type Loss = { refusal: string | null; why: string; isSplit?: boolean }

export function createLink(deps: {
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
  /**
   * The handshake is complete; no command was received yet. @param lastSequence the last one the hub has used
   * for this device, authenticated for this link; null: not given
   */
  onReady: (
    address: string,
    welcome: Pick<Welcome, 'addresses' | 'inventory_hash'>,
    lastSequence: number | null,
  ) => void
  onLost: (why: string) => void
  /** An address did not lead to the hub. */
  onNoLink?: (address: string, why: string) => void
  keeper: SplitKeeper
  /**
   * Other addresses to try, queried when no known address led to the hub. Never rejects; ends early with the
   * signal.
   */
  find: (signal: AbortSignal) => Promise<string[]>
  timings?: Partial<LinkTimings>
  clock: Clock
  random: Random
  log: Log
}): Link {
  const { clock, random, log } = deps
  const timings = { ...LINK_TIMINGS, ...deps.timings }
  let ready: { socket: HubSocket; address: string } | null = null
  const waiters = new Set<() => void>()

  function open(address: string, agent: Agent): HubSocket {
    return io(`https://${address}${AGENT_NAMESPACE}`, {
      transports: ['websocket'],
      // Typed as a string, as in browsers, but in Node the underlying WebSocket expects an agent object.
      agent: agent as unknown as string,
      forceNew: true,
      reconnection: false,
      // Disables compression. Works, although the type does not allow it.
      perMessageDeflate: false as unknown as { threshold: number },
      timeout: timings.handshakeMs,
      autoConnect: false,
    })
  }

  /** One link from its first byte to its end. Resolves with the reason for its end. */
  function hold(address: string, signal: AbortSignal): Promise<Loss> {
    const socket = open(address, createPinnedAgent(deps.pin, clock))
    return new Promise((resolve) => {
      const agentNonce = random.bytes(32).toString('hex')
      let hubNonce: string | null = null
      let isOver = false
      const end = (why: string, refusal: string | null = null, isSplit = false): void => {
        if (isOver) return
        isOver = true
        cancelTimer()
        signal.removeEventListener('abort', onAbort)
        if (ready?.socket === socket) ready = null
        socket.removeAllListeners()
        socket.disconnect()
        socket.io.engine?.close()
        resolve({ why, refusal, isSplit })
      }
      const onAbort = (): void => end('the agent is stopping')
      signal.addEventListener('abort', onAbort)
      const cancelTimer = clock.setTimer(timings.handshakeMs, () =>
        end(`no handshake within ${timings.handshakeMs / 1000} s`),
      )

      socket.on('connect_error', (error) => end(causeOf(error)))
      socket.on('disconnect', (reason) => end(reason))
      socket.on('refused', (raw: unknown) => {
        const refused = Refused.safeParse(raw)
        const message = refused.success ? refused.data.message : 'the hub refused the link'
        end(message, refused.success && !refused.data.retry ? message : null)
      })
      socket.on('challenge', (raw: unknown, ack: unknown) => {
        const challenge = Challenge.safeParse(raw)
        if (!challenge.success || typeof ack !== 'function')
          return end('the hub sent a challenge that cannot be read')
        if (challenge.data.protocol !== AGENT_PROTOCOL)
          return end(
            `the controller speaks protocol ${challenge.data.protocol}, this agent ${AGENT_PROTOCOL}`,
          )
        if (hubNonce !== null) return end('the hub sent a second challenge')
        hubNonce = challenge.data.nonce
        // Read late, because the hub's certificate may have introduced new keys.
        const { fingerprint, device_id } = deps.enrollment()
        const answer: Hello = {
          protocol: AGENT_PROTOCOL,
          device_id,
          nonce: agentNonce,
          signature: deps.sign(agentProofText(fingerprint, hubNonce, agentNonce, device_id)),
          ...deps.hello(),
        }
        ;(ack as (answer: Hello) => void)(answer)
      })
      socket.on('welcome', (raw: unknown, ack: unknown) => {
        const welcome = Welcome.safeParse(raw)
        const { fingerprint, device_id, command_key } = deps.enrollment()
        const isProven =
          welcome.success &&
          hubNonce !== null &&
          verifies(
            command_key,
            hubProofText(fingerprint, hubNonce, agentNonce, device_id),
            welcome.data.signature,
          ) &&
          (!welcome.data.sequence ||
            verifies(
              command_key,
              sequenceText(
                fingerprint,
                hubNonce,
                agentNonce,
                device_id,
                welcome.data.sequence.last,
              ),
              welcome.data.sequence.signature,
            ))
        if (typeof ack === 'function') (ack as (answer: { ok: boolean }) => void)({ ok: isProven })
        if (!isProven) return end('the hub did not prove that it is the enrolled one')
        cancelTimer()
        ready = { socket, address }
        deps.onReady(address, welcome.data, welcome.data.sequence?.last ?? null)
        for (const wake of [...waiters]) wake()
      })
      socket.on('still_there', (ack: unknown) => {
        if (typeof ack === 'function') (ack as (answer: { ok: true }) => void)({ ok: true })
      })
      const onSplit = (step: 'answer' | 'decide') => (raw: unknown, ack: unknown) => {
        try {
          const split = createSplit(deps.keeper, {
            enrollment: deps.enrollment(),
            hubNonce: hubNonce ?? '',
            agentNonce,
          })
          const reply = hubNonce === null ? null : split[step](raw)
          if (reply === null) return end('the hub asked for a split and did not prove itself')
          if (typeof ack === 'function') (ack as (reply: object) => void)(reply)
          if (step === 'decide') end('this PC is another device now', null, true)
        } catch (error) {
          end(`a new identity could not be kept: ${errorText(error)}`)
        }
      }
      socket.on('split', onSplit('answer'))
      socket.on('split_done', onSplit('decide'))
      const onCommand = (event: CommandEvent) => (raw: unknown, ack: unknown) => {
        const reply: CommandReply =
          ready?.socket === socket
            ? deps.onCommand(event, raw)
            : { accepted: false, why: 'malformed', message: 'The handshake is not complete.' }
        if (typeof ack === 'function') (ack as (reply: CommandReply) => void)(reply)
      }
      socket.on('deploy_software', onCommand('deploy_software'))
      socket.on('cancel_deployment', onCommand('cancel_deployment'))
      for (const [event, answer] of Object.entries(deps.requests))
        (socket as Socket).on(event, (raw: unknown, ack: unknown) => {
          if (ready?.socket !== socket || typeof ack !== 'function') return
          void answer(raw).then(ack as (reply: unknown) => void)
        })
      if (signal.aborted) onAbort()
      else socket.connect()
    })
  }

  return {
    address: () => ready?.address ?? null,
    isReady: () => ready !== null,

    whenReady(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error)
        if (ready) return resolve()
        const settle = (done: () => void) => () => {
          waiters.delete(wake)
          signal.removeEventListener('abort', stop)
          done()
        }
        const wake = settle(resolve)
        const stop = settle(() => reject(signal.reason as Error))
        waiters.add(wake)
        signal.addEventListener('abort', stop)
      })
    },

    async report<N extends AgentEventName>(event: N, body: ReportBody<N>): Promise<ReportReply> {
      if (!ready) throw new Error('there is no link')
      // The event maps are correct for each event, but the compiler cannot follow a generic name.
      const emitter = ready.socket.timeout(timings.ackMs) as unknown as {
        emitWithAck: (event: string, body: unknown) => Promise<unknown>
      }
      return ReportReply.parse(await emitter.emitWithAck(event, body))
    },

    async keep(signal) {
      const backoff = createBackoff(random, timings.minMs, timings.maxMs, timings.spreadMs)
      let last = ''
      let hints: string[] = []
      while (!signal.aborted) {
        const { addresses } = deps.enrollment()
        // The one that worked last comes first, discovered addresses last.
        const known = addresses.toSorted((a, b) => Number(b === last) - Number(a === last))
        let wasLinked = false
        for (const address of new Set([...known, ...hints])) {
          if (signal.aborted) return
          const wasReady = { now: false }
          const watch = (): void => void (wasReady.now = true)
          waiters.add(watch)
          const startedAt = clock.monotonicMs()
          const loss = await hold(address, signal)
          waiters.delete(watch)
          if (loss.isSplit) throw new SeparateDeviceError(loss.why)
          if (loss.refusal !== null) throw new RefusedError(loss.refusal)
          if (signal.aborted) return
          if (!wasReady.now) {
            log.info({ address, why: loss.why }, 'no link')
            deps.onNoLink?.(address, loss.why)
            continue
          }
          last = address
          wasLinked = true
          if (clock.monotonicMs() - startedAt > STABLE_AFTER_MS) backoff.begin()
          deps.onLost(loss.why)
          break
        }
        const pause = linkedSignal(signal)
        // Only searches while there is nothing else to do, so that it never delays an attempt.
        const found = wasLinked ? [] : deps.find(pause.signal)
        await clock.sleep(backoff.nextMs(), signal)
        pause.abort()
        pause.release()
        hints = await found
      }
    },
  }
}
