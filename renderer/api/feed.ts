/** The console feed: what the controller tells open consoles. Each event is checked before anybody sees it. */
import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import { CONSOLE_NAMESPACE, consoleFeed } from '#shared/contract/console-feed.ts'
import type { FeedEventName, FeedEvents } from '#shared/contract/console-feed.ts'
import type { SessionKeeper } from './session.ts'

export type FeedState = 'off' | 'connecting' | 'live' | 'down'
export type FeedListener = <N extends FeedEventName>(name: N, body: FeedEvents[N]) => void

export type Feed = {
  start: () => void
  stop: () => void
  onEvent: (listener: FeedListener) => () => void
  /** `again` is true after a gap: what happened in between must be fetched. */
  onState: (listener: (state: FeedState, again: boolean) => void) => () => void
}

const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 10_000
const REFUSED_MS = 2_000

export function createFeed(consoleUrl: string, session: SessionKeeper): Feed {
  let socket: Socket | null = null
  let wasLive = false
  let refused = false
  let retry: ReturnType<typeof setTimeout> | undefined
  const listeners = new Set<FeedListener>()
  const stateListeners = new Set<(state: FeedState, again: boolean) => void>()
  const tell = (state: FeedState, again = false) => stateListeners.forEach((l) => l(state, again))

  const authorise = async () => {
    // Unreachable is no verdict about the session: the socket's own back-off tries again. Null is one.
    if (refused || !session.token()) {
      const renewed = await session.renew().catch(() => undefined)
      if (renewed === null) await session.lost()
    }
    refused = false
    return { token: session.token() ?? '' }
  }

  const emit = (name: string, raw: unknown) => {
    if (!Object.hasOwn(consoleFeed, name)) return
    const known = name as FeedEventName
    const body = consoleFeed[known].safeParse(raw)
    if (body.success) listeners.forEach((l) => l(known, body.data))
  }

  return {
    start() {
      if (socket) return
      tell('connecting')
      wasLive = false
      socket = io(consoleUrl + CONSOLE_NAMESPACE, {
        transports: ['websocket'],
        reconnectionDelay: RETRY_MIN_MS,
        reconnectionDelayMax: RETRY_MAX_MS,
        randomizationFactor: 0.5,
        timeout: 10_000,
        auth: (give) => void authorise().then(give),
      })
      socket.on('connect', () => {
        tell('live', wasLive)
        wasLive = true
      })
      socket.on('disconnect', (reason) => {
        tell('down')
        // A disconnect by the server is not retried by the library: the token may have ended.
        if (reason === 'io server disconnect') reconnectSoon(RETRY_MIN_MS)
      })
      socket.on('connect_error', () => {
        tell('down')
        // Refused by the namespace's middleware (not by the network): renew the token, then again.
        if (socket && !socket.active) reconnectSoon(REFUSED_MS)
      })
      socket.onAny(emit)
    },
    stop() {
      clearTimeout(retry)
      socket?.removeAllListeners().disconnect()
      socket = null
      tell('off')
    },
    onEvent: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onState: (listener) => {
      stateListeners.add(listener)
      return () => stateListeners.delete(listener)
    },
  }

  function reconnectSoon(afterMs: number) {
    refused = true
    clearTimeout(retry)
    retry = setTimeout(() => socket?.connect(), afterMs)
  }
}
