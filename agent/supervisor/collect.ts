/** Reads an installer's output into its bounded file, and decides when it is complete. */
import type { Readable } from 'node:stream'
import type { BoundedOutput } from './bounded-output.ts'

/**
 * After the installer's end: its output is in the pipe (64 KiB at most); anything later comes from programs
 * it left behind.
 */
const DRAIN_BYTES = 128 * 1024
const DRAIN_QUIET_MS = 200
const DRAIN_MAX_MS = 2_000

export type Collector = {
  /** Resolves when nobody writes any more. */
  closed: Promise<void>
  isClosed: () => boolean
  /**
   * The installer has ended: reads what it has written, and drops the rest. Returns the number of bytes left
   * out.
   */
  finish: () => Promise<number>
  /** Ends the output without waiting. */
  abandon: () => void
}

export function createCollector(streams: readonly Readable[], output: BoundedOutput): Collector {
  let open = streams.length
  let isKept = true
  let read = 0
  let lastAt = performance.now()
  const closed = Promise.all(
    streams.map(
      (stream) =>
        new Promise<void>((resolve) => {
          let isOpen = true
          const close = (): void => {
            if (isOpen) open--
            isOpen = false
            resolve()
          }
          stream.once('end', close)
          stream.once('close', close)
          stream.once('error', close)
        }),
    ),
  ).then(() => undefined)
  for (const stream of streams)
    stream.on('data', (bytes: Buffer) => {
      read += bytes.length
      lastAt = performance.now()
      if (isKept) output.write(bytes)
    })
  async function takeRest(): Promise<void> {
    const until = performance.now() + DRAIN_MAX_MS
    const before = read
    lastAt = performance.now()
    const isOver = (): boolean =>
      open === 0 ||
      read - before > DRAIN_BYTES ||
      performance.now() > until ||
      performance.now() - lastAt > DRAIN_QUIET_MS
    while (!isOver())
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 20))])
  }
  return {
    closed,
    isClosed: () => open === 0,
    async finish() {
      await takeRest()
      isKept = false
      return output.close()
    },
    abandon() {
      isKept = false
      output.close()
    },
  }
}
