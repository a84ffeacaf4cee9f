/** Where an installer's output goes: a file of limited size, with whatever the platform offers for that. */
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { windowsHelper } from '../lib/windows-helper.ts'
import { openBoundedOutput } from './bounded-output.ts'
import { createCollector, type Collector } from './collect.ts'
import { attemptFiles, type Command, type Spec } from './files.ts'
import { collect, makePipe, type OutputPipe } from './output-pipe.ts'
import { inJob, omittedIn } from './windows-job.ts'

export type Sink = {
  /** The program to run: the installer, or the helper that runs it. */
  command: Command
  isHelper: boolean
  stdio: StdioOptions
  started: (child: ChildProcess) => void
  /**
   * Called when the installer has ended, or did not start. @returns the bytes left out, and a promise that
   * resolves when the supervisor has nothing left to read
   */
  finish: () => Promise<{ omitted: number; rest: Promise<void> }>
}

const HELPER_END_MS = 5_000
const noRest = Promise.resolve()

/** Linux and macOS: a named pipe, so that the agent can continue reading. */
function pipeSink(command: Command, output: string, pipe: OutputPipe): Sink {
  const collecting = collect(pipe, openBoundedOutput(output))
  let isOpen = true
  // While this end is open, nobody would see the installer's end close.
  const started = (): void => {
    if (isOpen) closeSync(pipe.writeFd)
    isOpen = false
  }
  return {
    command,
    isHelper: false,
    stdio: ['ignore', pipe.writeFd, pipe.writeFd],
    started,
    finish() {
      started()
      return collecting.finish()
    },
  }
}

/** Windows: the helper reads the output, even if the supervisor is killed, and from left-behind programs. */
function helperSink(helper: string, output: string, spec: Spec): Sink {
  let printed = ''
  let ended: Promise<unknown> = noRest
  return {
    command: inJob(helper, spec.attempt_id, output, spec.command),
    isHelper: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    started({ stdout }) {
      if (stdout === null) return
      stdout.on('data', (bytes: Buffer) => (printed += bytes.toString('latin1')))
      ended = new Promise((resolve) => {
        stdout.once('close', resolve)
        stdout.once('error', resolve)
      })
    },
    async finish() {
      const timer = new Promise((resolve) => setTimeout(resolve, HELPER_END_MS).unref())
      await Promise.race([ended, timer])
      return { omitted: omittedIn(printed), rest: noRest }
    },
  }
}

/** If neither is available, the supervisor reads for as long as anybody writes. */
function ownSink(command: Command, output: string): Sink {
  let collector: Collector | null = null
  return {
    command,
    isHelper: false,
    stdio: ['ignore', 'pipe', 'pipe'],
    started({ stdout, stderr }) {
      const streams = [stdout, stderr].filter((stream): stream is Readable => stream !== null)
      collector = createCollector(streams, openBoundedOutput(output))
    },
    async finish() {
      if (collector === null) return { omitted: 0, rest: noRest }
      return { omitted: await collector.finish(), rest: collector.closed }
    },
  }
}

/** @throws file system errors */
export function openSink(folder: string, spec: Spec): Sink {
  const { output, pipe: path } = attemptFiles(folder)
  const pipe = makePipe(path)
  if (pipe !== null) return pipeSink(spec.command, output, pipe)
  const helper = windowsHelper()
  return helper === null ? ownSink(spec.command, output) : helperSink(helper, output, spec)
}
