/**
 * The named pipe for an installer's output (Linux, macOS). Its path is among the records, so that the agent
 * can continue reading after the supervisor was killed. The installer's end is open for reading too: so it
 * always has a reader, the installer is never killed by SIGPIPE, and at most waits while nobody reads.
 */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { serviceEnvironment } from '../lib/environment.ts'
import type { BoundedOutput } from './bounded-output.ts'
import { createCollector } from './collect.ts'

const MKFIFO_TIMEOUT_MS = 10_000
export type OutputPipe = {
  /** For the installer; closed by the process that started it. */
  writeFd: number
  readFd: number
  /** For the process that reads the output of left-behind programs. */
  drainFd: number
}

/** @throws file system errors */
function openPipe(path: string): OutputPipe {
  const { O_RDONLY, O_RDWR, O_NONBLOCK } = constants
  // The first end is open for both and blocks on nobody; while it is open, the others do not block either.
  const writeFd = openSync(path, O_RDWR)
  return {
    writeFd,
    readFd: openSync(path, O_RDONLY | O_NONBLOCK),
    drainFd: openSync(path, O_RDONLY),
  }
}

/** Null if there are no named pipes. */
export function makePipe(path: string): OutputPipe | null {
  if (process.platform === 'win32') return null
  try {
    if (!existsSync(path))
      execFileSync('mkfifo', ['-m', '600', path], {
        env: serviceEnvironment(),
        stdio: 'ignore',
        timeout: MKFIFO_TIMEOUT_MS,
      })
    return openPipe(path)
  } catch {
    return null
  }
}

/** An existing one; null if there is none. */
export function reopenPipe(path: string): OutputPipe | null {
  if (process.platform === 'win32' || !existsSync(path)) return null
  try {
    return openPipe(path)
  } catch {
    return null
  }
}

/**
 * Reads for as long as anybody may write, without a supervisor. Resolves with false if it cannot be started.
 */
function startDrain(drainFd: number): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const drain = spawn('cat', [], {
        cwd: '/',
        env: serviceEnvironment(),
        stdio: [drainFd, 'ignore', 'ignore'],
        detached: true,
      })
      drain.once('error', () => resolve(false))
      drain.once('spawn', () => resolve(true))
      drain.unref()
    } catch {
      resolve(false)
    }
  })
}

export type Collecting = {
  /**
   * The installer has ended: reads what it has written. Programs that it left behind keep a reader, and their
   * output is dropped. @returns the bytes left out, and a promise that resolves when nobody writes any more,
   * for the case that no other reader could be started
   */
  finish: () => Promise<{ omitted: number; rest: Promise<void> }>
  /** Ends without waiting; the installer waits until somebody else reads. */
  abandon: () => void
}

/** Reads the pipe into the file. The caller must close its write end, now or soon. */
export function collect({ readFd, drainFd }: OutputPipe, output: BoundedOutput): Collecting {
  const socket = new Socket({ fd: readFd, readable: true, writable: false })
  const collector = createCollector([socket], output)
  return {
    async finish() {
      const omitted = await collector.finish()
      const hasReader = collector.isClosed() || (await startDrain(drainFd))
      closeSync(drainFd)
      if (hasReader) socket.destroy()
      return { omitted, rest: hasReader ? Promise.resolve() : collector.closed }
    },
    abandon() {
      collector.abandon()
      closeSync(drainFd)
      socket.destroy()
    },
  }
}
