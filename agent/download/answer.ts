/** What a server answers to a request for a package, whichever way it was asked. */

/** Bytes on their way. Whoever takes them says when to wait. */
export type Flow = {
  /**
   * Once. Until then nothing is lost, and little is read.
   * @param onPiece its bytes are the flow's own again when it returns
   * @param onEnd once, also when no piece came; an error: what came is not all
   */
  start: (onPiece: (piece: Buffer) => void, onEnd: (error: Error | null) => void) => void
  /** A few pieces that are on their way already may still come. */
  pause: () => void
  resume: () => void
  /** Nothing is wanted any more. */
  stop: () => void
}

export type Answer = {
  status: number
  statusText: string
  /** `name` in lower case. */
  header: (name: string) => string | null
  flow: Flow
}

export type AskForBytes = {
  url: URL
  /** First byte that is wanted; 0: all of them. */
  from: number
  /** Something came. */
  onHeard: () => void
  /** Ends the request and the flow. */
  signal: AbortSignal
}
