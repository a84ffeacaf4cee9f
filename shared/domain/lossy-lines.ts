/**
 * Lines for a side channel, such as a log, that must never block the work. Lines that cannot be written are dropped and counted;
 * the count is written once there is room again.
 */

/** Limit of lines that wait for a slow reader of a pipe. */
const BACKLOG_BYTES = 256 * 1024

export type LossyLines = { write: (line: string) => void }

type Waiting = { bytes: Uint8Array; /** Lines lost if it is dropped. */ lines: number }

/** Never throws. Pure but for `write` and `retry`. */
export function createLossyLines(deps: {
  /** Writes what it can without waiting and returns the number of bytes accepted. @throws Error if nothing could be written */
  write: (bytes: Uint8Array) => number
  /** Whether the error means a slow reader, so that the line waits. After any other error it is dropped. */
  isStalled: (error: unknown) => boolean
  /** Calls `again` after a short delay. Must not keep the process alive. */
  retry: (again: () => void) => void
  encode: (text: string) => Uint8Array
  /** The line that reports dropped lines, with its line break. */
  droppedLine: (count: number) => string
  backlogBytes?: number
}): LossyLines {
  const limitBytes = deps.backlogBytes ?? BACKLOG_BYTES
  const waiting: Waiting[] = []
  let waitingBytes = 0
  let dropped = 0
  /** The last line was written only partially. */
  let isTorn = false
  let isRetrying = false

  function push(text: string, lines: number): void {
    const bytes = deps.encode(isTorn && waiting.length === 0 ? `\n${text}` : text)
    waiting.push({ bytes, lines })
    waitingBytes += bytes.length
  }
  function dropAll(): void {
    for (const { lines } of waiting.splice(0)) dropped += lines
    waitingBytes = 0
  }
  function drain(): void {
    for (let first = waiting[0]; first; first = waiting[0]) {
      let done = 0
      try {
        while (done < first.bytes.length) done += deps.write(first.bytes.subarray(done))
      } catch (error) {
        if (done > 0) isTorn = true
        if (!deps.isStalled(error)) return dropAll()
        first.bytes = first.bytes.subarray(done)
        waitingBytes -= done
        return retryLater()
      }
      waiting.shift()
      waitingBytes -= first.bytes.length
      isTorn = false
    }
  }
  function retryLater(): void {
    if (isRetrying) return
    isRetrying = true
    deps.retry(() => {
      isRetrying = false
      drain()
      report()
    })
  }
  /** Reports dropped lines, once nothing waits. */
  function report(): void {
    if (dropped === 0 || waiting.length > 0) return
    const count = dropped
    dropped = 0
    push(deps.droppedLine(count), count)
    drain()
  }

  return {
    write(line) {
      report()
      if (waitingBytes + line.length > limitBytes) dropped++
      else if (waiting.length === 0 && dropped > 0) dropped++
      else {
        push(line, 1)
        if (!isRetrying) drain()
      }
    },
  }
}
