/**
 * Which transport the feed tries first. WebSocket is preferred, but proxies and virus scanners block it in various ways:
 * they refuse the upgrade, never answer it, or cut the connection soon after. HTTP long polling works wherever REST does.
 */
export type FeedTransport = 'websocket' | 'polling'

/** WebSockets are given up after repeated connections shorter than this. */
const SHORT_MS = 15_000
const SHORT_LIVES = 2

export type TransportChoice = {
  /** Transports for the next attempt, in order. If one fails immediately, the same attempt goes on with the next one. */
  next: () => FeedTransport[]
  connected: (atMs: number) => void
  /** An attempt ended without connecting. */
  failed: () => void
  /** A connection over this transport was lost, and not because the controller closed it. */
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
    // The attempt most likely timed out rather than failed, so start with the other transport next time.
    failed: () => (isWebSocketFirst = !isWebSocketFirst),
    lost(atMs, transport) {
      if (transport !== 'websocket') return
      shortLives = atMs - connectedAtMs < SHORT_MS ? shortLives + 1 : 0
    },
  }
}
