/**
 * Which transport the feed tries first. WebSocket is the better one; proxies and virus scanners block it in ways of their own:
 * they refuse the upgrade, never answer it, or cut the connection soon after. HTTP long polling gets through where REST does.
 */
export type FeedTransport = 'websocket' | 'polling'

/** A WebSocket that was cut sooner than this, repeatedly, is not tried again. */
const SHORT_MS = 15_000
const SHORT_LIVES = 2

export type TransportChoice = {
  /** For the next attempt, in order. A transport that fails at once is followed by the next one in the same attempt. */
  next: () => FeedTransport[]
  connected: (atMs: number) => void
  /** An attempt that never connected has ended. */
  failed: () => void
  /** A connection over this transport was lost, and not because the controller ended it. */
  lost: (atMs: number, transport: string | undefined) => void
}

export function createTransportChoice(): TransportChoice {
  let isWebSocketFirst = true
  let shortLives = 0
  let connectedAtMs = 0
  return {
    next() {
      if (shortLives >= SHORT_LIVES) return ['polling']
      return isWebSocketFirst ? ['websocket', 'polling'] : ['polling', 'websocket']
    },
    connected: (atMs) => (connectedAtMs = atMs),
    // Most likely it neither opened nor failed: the other one first, next time.
    failed: () => (isWebSocketFirst = !isWebSocketFirst),
    lost(atMs, transport) {
      if (transport !== 'websocket') return
      shortLives = atMs - connectedAtMs < SHORT_MS ? shortLives + 1 : 0
    },
  }
}
