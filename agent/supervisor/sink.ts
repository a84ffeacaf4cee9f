/** Where an installer's output goes: a file that cannot grow beyond its limit, whatever the platform has to offer for that. */
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
  /** What is run: the installer, or the helper that runs it. */
  command: Command
  isHelper: boolean
  stdio: StdioOptions
  started: (child: ChildProcess) => void
  /**
   * Called when the installer has ended, or did not start.
   * @returns bytes left out, and what resolves when the supervisor has nothing left to read
   */
  finish: () => Promise<{ omitted: number; rest: Promise<void> }>
}

const HELPER_END_MS = 5_000
const noRest = Promise.resolve()

/** Linux and macOS: a pipe with a name, so that the agent can go on reading. */
function pipeSink(command: Command, output: string, pipe: OutputPipe): Sink {
  const collecting = collect(pipe, openBoundedOutput(output))
  let isOpen = true
  // Nobody would see the installer's end close while this one is open.
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

/** Windows: the helper reads the output, also where the supervisor is ended, and for what an installer leaves behind. */
function helperSink(helper: string, output: string, spec: Spec): Sink {
  let said = ''
  let told: Promise<unknown> = noRest
  return {
    command: inJob(helper, spec.attempt_id, output, spec.command),
    isHelper: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    started({ stdout }) {
      if (stdout === null) return
      stdout.on('data', (bytes: Buffer) => (said += bytes.toString('latin1')))
      told = new Promise((resolve) => {
        stdout.once('close', resolve)
        stdout.once('error', resolve)
      })
    },
    async finish() {
      const timer = new Promise((resolve) => setTimeout(resolve, HELPER_END_MS).unref())
      await Promise.race([told, timer])
      return { omitted: omittedIn(said), rest: noRest }
    },
  }
}

/** Where there is neither: the supervisor reads, for as long as anybody writes. */
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

/** @throws what the file system says */
export function openSink(folder: string, spec: Spec): Sink {
  const { output, pipe: path } = attemptFiles(folder)
  const pipe = makePipe(path)
  if (pipe !== null) return pipeSink(spec.command, output, pipe)
  const helper = windowsHelper()
  return helper === null ? ownSink(spec.command, output) : helperSink(helper, output, spec)
}
