/**
 * Lines written by a thread of their own, for a terminal or pipe whose writes block: only the thread
 * waits. Lines beyond the limit are dropped and counted; the count is written once nothing waits.
 */
import { Worker } from 'node:worker_threads'

const LIMIT_BYTES = 256 * 1024
/** How long the end of the process waits for the last lines while the thread starts, or while it gets on. */
const CLOSE_MS = 15_000
/** A thread that has written nothing for so long is stuck. */
const STALL_MS = 2_000
/** A write that does not block is certainly over after this. */
const WRITE_MS = 200
// Places of the shared state.
const WAITING_BYTES = 0
const DROPPED_LINES = 1
const IS_WRITING = 2
const IS_CLOSED = 3
const IS_STARTING = 4
const PLACES = 5

/** Plain JavaScript in a string: no bundle, archive or single executable has to hold a file for it. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const { fd, state, note } = workerData
let isTorn = false
function writeSome(bytes, done) {
  Atomics.store(state, ${IS_WRITING}, 1)
  try {
    // Once the log is closed, a write that blocks would keep the process.
    return Atomics.load(state, ${IS_CLOSED}) === 1 ? null : writeSync(fd, bytes, done)
  } finally {
    Atomics.store(state, ${IS_WRITING}, 0)
    Atomics.notify(state, ${IS_WRITING})
  }
}
function write(text) {
  const bytes = Buffer.from(isTorn ? '\\n' + text : text)
  let done = 0
  while (done < bytes.length) {
    try {
      const count = writeSome(bytes, done)
      if (count === null) break
      done += count
    } catch (error) {
      if (error.code !== 'EAGAIN' && error.code !== 'EWOULDBLOCK') break
      Atomics.wait(state, ${IS_CLOSED}, 0, 100)
    }
  }
  if (done > 0) isTorn = done < bytes.length
  return done === bytes.length
}
function report(ownBytes) {
  if (Atomics.load(state, ${WAITING_BYTES}) !== ownBytes) return
  const dropped = Atomics.exchange(state, ${DROPPED_LINES}, 0)
  if (dropped === 0) return
  const text = note.replace('TIME', Date.now()).replace('COUNT', dropped)
  if (!write(text)) Atomics.add(state, ${DROPPED_LINES}, dropped)
}
Atomics.store(state, ${IS_STARTING}, 0)
Atomics.notify(state, ${IS_STARTING})
parentPort.on('message', (line) => {
  const size = Buffer.byteLength(line)
  const isWritten = line === '' || write(line)
  if (isWritten) report(size)
  else Atomics.add(state, ${DROPPED_LINES}, 1)
  Atomics.sub(state, ${WAITING_BYTES}, size)
  Atomics.notify(state, ${WAITING_BYTES})
  // Lines that were dropped since the last look.
  if (isWritten) report(0)
})
`

/**
 * The thread starts with the first line.
 * @param note the line that reports dropped lines, with TIME and COUNT in place of the figures
 * @returns `write` never throws and never blocks; `close` waits for the last lines, at most fifteen seconds,
 * and returns whether the thread is stuck in a write: Node would wait for it at its exit, without limit
 */
export function createThreadLines(fd: number, note: string) {
  const state = new Int32Array(new SharedArrayBuffer(PLACES * Int32Array.BYTES_PER_ELEMENT))
  let thread: Worker | null = null
  let hasEnded = false

  function start(): Worker {
    const workerData = { fd, state, note }
    Atomics.store(state, IS_STARTING, 1)
    // The program's options, environment (NODE_OPTIONS) and streams are for its own code.
    const ownThings = { execArgv: [], env: {}, stdout: true, stderr: true }
    const started = new Worker(THREAD, { eval: true, workerData, ...ownThings })
    started.unref()
    started.on('error', () => (hasEnded = true))
    started.on('exit', () => (hasEnded = true))
    return started
  }
  /** @returns the queue of the thread; null: it cannot run */
  function started(): Worker | null {
    if (hasEnded) return null
    try {
      return (thread ??= start())
    } catch {
      hasEnded = true
      return null
    }
  }
  /** @returns false: the value did not change within `stallMs` */
  function waitForZero(place: number, stallMs: number, end = Infinity): boolean {
    for (;;) {
      const value = Atomics.load(state, place)
      if (hasEnded || value === 0) return true
      const leftMs = Math.min(stallMs, end - performance.now())
      if (leftMs <= 0 || Atomics.wait(state, place, value, leftMs) === 'timed-out') return false
    }
  }

  return {
    write(line: string): void {
      const queue = line === '' ? null : started()
      if (!queue) return
      const size = Buffer.byteLength(line)
      if (Atomics.load(state, WAITING_BYTES) + size <= LIMIT_BYTES) {
        Atomics.add(state, WAITING_BYTES, size)
        queue.postMessage(line)
        return
      }
      Atomics.add(state, DROPPED_LINES, 1)
      // The thread may have become idle just now, without having seen the count.
      if (Atomics.load(state, WAITING_BYTES) === 0) queue.postMessage('')
    },
    close(): boolean {
      if (!thread || hasEnded) return false
      const end = performance.now() + CLOSE_MS
      waitForZero(IS_STARTING, CLOSE_MS, end)
      waitForZero(WAITING_BYTES, STALL_MS, end)
      Atomics.store(state, IS_CLOSED, 1)
      Atomics.notify(state, IS_CLOSED)
      return !waitForZero(IS_WRITING, WRITE_MS)
    },
  }
}
