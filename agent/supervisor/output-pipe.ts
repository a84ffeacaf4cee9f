/**
 * The pipe that an installer writes its output into (Linux, macOS). It has a name among the records, so that the agent goes on
 * reading it when the supervisor was killed. The installer's end is open for reading too: it always has a reader, so it is
 * never ended by SIGPIPE, and waits at most while nobody takes its output.
 */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { serviceEnvironment } from '../lib/environment.ts'
import type { BoundedOutput } from './bounded-output.ts'
import { createCollector } from './collect.ts'

const MKFIFO_TIMEOUT_MS = 10_000
export type OutputPipe = {
  /** For the installer; closed by whoever has started it. */
  writeFd: number
  readFd: number
  /** For whoever reads on behalf of programs that were left behind. */
  drainFd: number
}

/** @throws what the file system says */
function openPipe(path: string): OutputPipe {
  const { O_RDONLY, O_RDWR, O_NONBLOCK } = constants
  // The first end is open both ways and waits for nobody; while it is, neither do the others.
  const writeFd = openSync(path, O_RDWR)
  return {
    writeFd,
    readFd: openSync(path, O_RDONLY | O_NONBLOCK),
    drainFd: openSync(path, O_RDONLY),
  }
}

/** Null where there are no named pipes. */
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

/** One that was made before; null where there is none. */
export function reopenPipe(path: string): OutputPipe | null {
  if (process.platform === 'win32' || !existsSync(path)) return null
  try {
    return openPipe(path)
  } catch {
    return null
  }
}

/** Reads for as long as somebody may write, without a supervisor. Resolves with false where it cannot be started. */
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
   * The installer has ended: takes what it has written. Programs that it left behind keep a reader, and their output is
   * dropped.
   * @returns bytes left out, and what resolves when nobody writes any more, where no other reader could be started
   */
  finish: () => Promise<{ omitted: number; rest: Promise<void> }>
  /** Ends without waiting; the installer waits until somebody else reads. */
  abandon: () => void
}

/** Reads the pipe into the file. Its end for writing must be closed, or be closed soon, by the caller. */
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
