/** A server's answer to a request for a package, for both the hub and other servers. */

/** A body while it arrives. Its reader applies back pressure. */
export type Flow = {
  /**
   * Call once. Before that, nothing is lost, and little is read. @param onPiece its buffer is reused after it
   * returns @param onEnd called once, even if no piece came; with an error if the body is incomplete
   */
  start: (onPiece: (piece: Buffer) => void, onEnd: (error: Error | null) => void) => void
  /** A few pieces that are already in transit may still arrive. */
  pause: () => void
  resume: () => void
  /** Discards the rest. */
  stop: () => void
}

export type Answer = {
  status: number
  statusText: string
  /** `name` in lower case. */
  header: (name: string) => string | null
  flow: Flow
}

export type BytesRequest = {
  url: URL
  /** First byte to request; 0: all of them. */
  from: number
  /** Called when data arrives. */
  onData: () => void
  /** Aborts the request and the body. */
  signal: AbortSignal
  /** Allows addresses of this PC (tests). */
  allowPrivate?: boolean
}
