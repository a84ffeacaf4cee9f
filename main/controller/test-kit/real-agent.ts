/**
 * The real agent as a separate process, installing into a separate folder; and an installer that
 * waits to be released.
 */
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
import { PROJECT_ROOT } from './paths.ts'

export const AGENT_MAIN = join(PROJECT_ROOT, 'agent', 'main.ts')
const ON_HARDWARE = join(PROJECT_ROOT, 'agent', 'test-kit', 'on-hardware.ts')
const FAKE_RESTART = join(PROJECT_ROOT, 'agent', 'test-kit', 'fake-restart.ts')
/**
 * Electron's Node does not support TypeScript, so the agent then runs on the project's own Node.
 */
export const NODE_FOR_AGENTS = process.features.typescript
  ? process.execPath
  : join(PROJECT_ROOT, 'node_modules', '.bin', 'node')

/**
 * Adds a line per run, prints something, and exits with `exitCode` once it is released (or after 30
 * s).
 */
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

/** A state folder as on a copied disk in another PC: none of its processes run there. */
export function copyState(from: string, to: string): void {
  const pipes: string[] = []
  const isCopied = (file: string, place: string): boolean => {
    // Files that are being written have such names temporarily.
    if (file.endsWith('.tmp')) return false
    const isPipe = lstatSync(file, { throwIfNoEntry: false })?.isFIFO() ?? false
    if (isPipe) pipes.push(place)
    return !isPipe
  }
  cpSync(from, to, { recursive: true, filter: isCopied })
  // Node cannot copy pipes. A copied disk also contains the pipe of an installer's output, without
  // a process at its other end.
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

/**
 * Starts it; it enrols with the code, or with null if its state is enrolled already. End it with
 * `remove`.
 */
export function startRealAgent(
  name: string,
  code: string | null,
  options: {
    /** The hardware that it detects. Default: the hardware of this PC. */
    hardwareId?: string
    /** A state folder to start with. It is copied. */
    state?: string
    /** The name of its first boot, for an agent with a FAKE restart command (fake-restart.ts). */
    boot?: string
    /** Added to the environment of this process. */
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
    /** The folder that represents its PC. */
    root,
    output: () => output,
    kill,
    restart: (): void => void (child = start()),
    /** The calls of the fake restart command. */
    restartCalls: (): string[][] =>
      existsSync(join(fake, 'calls'))
        ? readFileSync(join(fake, 'calls'), 'utf8')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line) as string[])
        : [],
    /** It kills itself just before it calls that command. */
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
    releaseInstaller: (): void => writeFileSync(join(root, 'go-on'), ''),
    async remove(): Promise<void> {
      if (existsSync(root)) this.releaseInstaller()
      await kill()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}
