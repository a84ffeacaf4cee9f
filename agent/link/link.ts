/**
 * The permanent connection to the hub: finds it among its addresses, authenticates both sides, and reconnects
 * forever.
 */
import { ReportReply, type AgentEventName, type Welcome } from '#shared/contract/agent/link.ts'
import {
  ACK_TIMEOUT_MS,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
  RECONNECT_SPREAD_MS,
} from '#shared/domain/defaults.ts'
import type { Log } from '../lib/log.ts'
import { createBackoff, linkedSignal } from '../lib/wait.ts'
import type { ReportBody, Reporter } from './reporter.ts'
import { holdSession, type HubSocket, type Loss, type SessionDeps } from './session.ts'
import { SeparateDeviceError } from './split.ts'

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

export type LinkDeps = SessionDeps & {
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
  /**
   * Other addresses to try, queried when no known address led to the hub. Never rejects; ends early with the
   * signal.
   */
  find: (signal: AbortSignal) => Promise<string[]>
  timings?: Partial<LinkTimings>
  log: Log
}

export function createLink(deps: LinkDeps): Link {
  const { clock, random, log } = deps
  const timings = { ...LINK_TIMINGS, ...deps.timings }
  let ready: { socket: HubSocket; address: string } | null = null
  const waiters = new Set<() => void>()

  /** One link from its first byte to its end. */
  const hold = (address: string, signal: AbortSignal): Promise<Loss> =>
    holdSession(deps, address, timings.handshakeMs, signal, {
      onReady(socket, welcome) {
        ready = { socket, address }
        deps.onReady(address, welcome, welcome.sequence?.last ?? null)
        for (const wake of [...waiters]) wake()
      },
      onEnd: () => void (ready = null),
    })

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
