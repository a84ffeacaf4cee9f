/** The console feed: what the controller tells open consoles. Each event is checked before anybody sees it. */
import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import { CONSOLE_NAMESPACE, consoleFeed } from '#shared/contract/feed.ts'
import type { FeedEventName, FeedEvents } from '#shared/contract/feed.ts'
import { createTransportChoice } from './feed-transports.ts'
import type { SessionKeeper } from './session.ts'

export type FeedState = 'off' | 'connecting' | 'live' | 'down'
export type FeedListener = <N extends FeedEventName>(name: N, body: FeedEvents[N]) => void

export type Feed = {
  start: () => void
  stop: () => void
  /** Connects now instead of at the end of the back-off. Does nothing while it is connected or connecting. */
  retry: () => void
  onEvent: (listener: FeedListener) => () => void
  /**
   * `again` is true after a gap: what happened in between must be fetched.
   * `down` comes once for each attempt that failed.
   */
  onState: (listener: (state: FeedState, again: boolean) => void) => () => void
}

const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 10_000
const REFUSED_MS = 2_000
/** Until a transport is open. What a proxy swallows never fails by itself. */
const OPEN_LIMIT_MS = 6_000

export function createFeed(
  consoleUrl: string,
  session: SessionKeeper,
  limits: { openMs?: number; retryMaxMs?: number } = {},
): Feed {
  let socket: Socket | null = null
  let wasMissed = false
  let refused = false
  let isTrying = false
  let retry: ReturnType<typeof setTimeout> | undefined
  const choice = createTransportChoice()
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

  function open(): Socket {
    const opened = io(consoleUrl + CONSOLE_NAMESPACE, {
      forceNew: true,
      transports: choice.next(),
      tryAllTransports: true,
      reconnectionDelay: RETRY_MIN_MS,
      reconnectionDelayMax: limits.retryMaxMs ?? RETRY_MAX_MS,
      randomizationFactor: 0.5,
      timeout: limits.openMs ?? OPEN_LIMIT_MS,
      auth: (give) => void authorise().then(give),
    })
    let hasConnected = false
    isTrying = true
    opened.io.on('reconnect_attempt', () => {
      isTrying = true
      opened.io.opts.transports = choice.next()
    })
    opened.on('connect', () => {
      isTrying = false
      hasConnected = true
      choice.connected(performance.now())
      tell('live', wasMissed)
      wasMissed = true
    })
    opened.on('disconnect', (reason) => {
      isTrying = false
      const isOurs = reason === 'io server disconnect'
      if (!hasConnected) choice.failed()
      else if (!isOurs) choice.lost(performance.now(), opened.io.engine?.transport?.name)
      hasConnected = false
      wasMissed = true
      tell('down')
      // A disconnect by the server is not retried by the library: the token may have ended.
      if (isOurs) reconnectSoon(RETRY_MIN_MS)
    })
    opened.on('connect_error', () => {
      isTrying = false
      wasMissed = true
      // Refused by the namespace's middleware (not by the network): renew the token, then again.
      const isRefused = !opened.active
      if (!isRefused) choice.failed()
      tell('down')
      if (isRefused) reconnectSoon(REFUSED_MS)
    })
    opened.onAny(emit)
    return opened
  }

  return {
    start() {
      if (socket) return
      tell('connecting')
      wasMissed = false
      socket = open()
    },
    stop() {
      clearTimeout(retry)
      close()
      tell('off')
    },
    retry() {
      if (!socket || socket.connected || isTrying) return
      clearTimeout(retry)
      // A new one: the library's back-off cannot be cut short.
      close()
      socket = open()
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

  function close() {
    socket?.io.off('reconnect_attempt')
    socket?.removeAllListeners().disconnect()
    socket = null
  }

  function reconnectSoon(afterMs: number) {
    refused = true
    clearTimeout(retry)
    retry = setTimeout(() => {
      isTrying = true
      socket?.connect()
    }, afterMs)
  }
}
