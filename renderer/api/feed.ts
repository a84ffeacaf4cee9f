/** The console feed: events that the controller pushes to open consoles. Each event is validated before any listener sees it. */
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
  /** Connects immediately, skipping the back-off. Does nothing while connected or connecting. */
  retry: () => void
  onEvent: (listener: FeedListener) => () => void
  /**
   * `again` is true after a gap: the listener must fetch what happened in between.
   * `down` is reported once per failed attempt.
   */
  onState: (listener: (state: FeedState, again: boolean) => void) => () => void
}

const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 10_000
const REFUSED_MS = 2_000
/** Timeout for opening a transport: when a proxy swallows the request, it never fails by itself. */
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
  const notify = (state: FeedState, again = false) => stateListeners.forEach((l) => l(state, again))

  const authorise = async () => {
    // An unreachable controller proves nothing about the session, and the socket's back-off retries; null means it is over.
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
      notify('live', wasMissed)
      wasMissed = true
    })
    opened.on('disconnect', (reason) => {
      isTrying = false
      const isOurs = reason === 'io server disconnect'
      if (!hasConnected) choice.failed()
      else if (!isOurs) choice.lost(performance.now(), opened.io.engine?.transport?.name)
      hasConnected = false
      wasMissed = true
      notify('down')
      // The library does not retry after a disconnect by the server: the token may have expired.
      if (isOurs) reconnectSoon(RETRY_MIN_MS)
    })
    opened.on('connect_error', () => {
      isTrying = false
      wasMissed = true
      // Refused by the namespace's middleware, not by the network: renew the token, then retry.
      const isRefused = !opened.active
      if (!isRefused) choice.failed()
      notify('down')
      if (isRefused) reconnectSoon(REFUSED_MS)
    })
    opened.onAny(emit)
    return opened
  }

  return {
    start() {
      if (socket) return
      notify('connecting')
      wasMissed = false
      socket = open()
    },
    stop() {
      clearTimeout(retry)
      close()
      notify('off')
    },
    retry() {
      if (!socket || socket.connected || isTrying) return
      clearTimeout(retry)
      // Open a new socket: the library's back-off cannot be cut short.
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
