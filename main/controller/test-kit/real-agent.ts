/** The real agent as a process of its own, installing into a folder of its own; and an installer that waits to be let go. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..', '..')
export const AGENT_MAIN = join(ROOT, 'agent', 'main.ts')
const ON_HARDWARE = join(ROOT, 'agent', 'test-kit', 'on-hardware.ts')
const FAKE_RESTART = join(ROOT, 'agent', 'test-kit', 'fake-restart.ts')
/** Under Electron's Node, which takes no TypeScript, the agent still runs on the project's own. */
export const NODE_FOR_AGENTS = process.features.typescript
  ? process.execPath
  : join(ROOT, 'node_modules', '.bin', 'node')

/** Leaves a line per run, says something, and ends with `exitCode` once it is let go (or after 30 s). */
export const waitingInstaller = (exitCode = 0): string =>
  [
    '#!/bin/sh',
    'echo run >> "$DEPLOYX_INSTALL_ROOT/runs"',
    'echo "before"',
    'for i in $(seq 300); do [ -e "$DEPLOYX_INSTALL_ROOT/go-on" ] && break; sleep 0.1; done',
    'echo "after"',
    `exit ${exitCode}`,
    '',
  ].join('\n')

export type RealAgent = ReturnType<typeof startRealAgent>

/** A state folder as a copy of its disk carries it into another PC: there, none of its processes live. */
export function copyState(from: string, to: string): void {
  const pipes: string[] = []
  const isCopied = (file: string, place: string): boolean => {
    // Files that are being written at this moment come and go under such names.
    if (file.endsWith('.tmp')) return false
    const isPipe = lstatSync(file, { throwIfNoEntry: false })?.isFIFO() ?? false
    if (isPipe) pipes.push(place)
    return !isPipe
  }
  cpSync(from, to, { recursive: true, filter: isCopied })
  // Node copies no pipes. A copied disk has the one of an installer's output too, with nobody at its other end.
  if (pipes.length > 0) execFileSync('mkfifo', ['-m', '600', ...pipes])
  rmSync(join(to, 'agent.lock'), { force: true })
  const attempts = join(to, 'attempts')
  for (const file of readdirSync(attempts, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('supervisor.json')) continue
    const process: unknown = JSON.parse(readFileSync(join(attempts, file), 'utf8'))
    writeFileSync(
      join(attempts, file),
      JSON.stringify({ ...(process as object), boot: 'of another PC' }),
    )
  }
}

/** Starts it; it enrols with the code, null where its state is enrolled already. End it with `remove`. */
export function startRealAgent(
  name: string,
  code: string | null,
  options: {
    /** What it takes for its hardware. Default: the hardware of this PC. */
    hardwareId?: string
    /** A state folder that it starts with. It is copied. */
    state?: string
    /** The name of its first boot, for an agent with a FAKE command that restarts (fake-restart.ts). */
    boot?: string
    /** Beside the environment of this process. */
    env?: NodeJS.ProcessEnv
  } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-real-agent-'))
  const root = join(folder, 'root')
  const state = join(folder, 'state')
  const fake = join(folder, 'fake')
  mkdirSync(root)
  mkdirSync(fake)
  if (options.boot !== undefined) writeFileSync(join(fake, 'boot'), options.boot)
  if (options.state !== undefined) copyState(options.state, state)
  let output = ''
  let child = start()

  function start(): ChildProcess {
    const program =
      options.boot !== undefined
        ? [FAKE_RESTART, fake]
        : options.hardwareId === undefined
          ? [AGENT_MAIN]
          : [ON_HARDWARE, options.hardwareId]
    const args = [...program, 'run', '--state', state, '--name', name]
    if (code !== null) args.push('--code', code)
    args.push('--install-root', root)
    const started = spawn(NODE_FOR_AGENTS, args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    started.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    return started
  }
  const kill = (): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      child.once('close', () => resolve())
      child.kill('SIGKILL')
    })
  return {
    name,
    state,
    /** The folder that stands for its PC. */
    root,
    output: () => output,
    kill,
    restart: (): void => void (child = start()),
    /** What the fake command that restarts was called with. */
    restartCalls: (): string[][] =>
      existsSync(join(fake, 'calls'))
        ? readFileSync(join(fake, 'calls'), 'utf8')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line) as string[])
        : [],
    /** It kills itself when it is about to call that command. */
    diesBeforeRestarting(dies: boolean): void {
      if (dies) writeFileSync(join(fake, 'dies'), '')
      else rmSync(join(fake, 'dies'))
    },
    /** As after a restart of its PC: killed, and started again in another boot. */
    async reboot(boot: string): Promise<void> {
      await kill()
      writeFileSync(join(fake, 'boot'), boot)
      child = start()
    },
    hasDied: (): boolean => child.exitCode !== null || child.signalCode !== null,
    /** How often its installer was started. */
    runs: (): number =>
      existsSync(join(root, 'runs'))
        ? readFileSync(join(root, 'runs'), 'utf8').split('\n').length - 1
        : 0,
    letGo: (): void => writeFileSync(join(root, 'go-on'), ''),
    async remove(): Promise<void> {
      if (existsSync(root)) this.letGo()
      await kill()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}
