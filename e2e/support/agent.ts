/** Real agents: the program from the sources, each a process with its own state folder. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '#shared/test-kit/until.ts'
import { projectRoot } from '../../build/support/project.ts'
import type { Api } from './api.ts'
import { untilEnded, endProcess, isRunning } from './processes.ts'

const ONLINE_LIMIT_MS = 60_000

export type AgentOptions = {
  /** Contains the agent's state and what it installs. */
  folder: string
  name: string
  /** Needed for the first start only. */
  code?: string
  /** The folder to install into; defaults to `root` in the agent's folder, null for this computer. */
  installRoot?: string | null
  env?: Record<string, string>
  /** A program to run instead of the agent's own, with the arguments before its command. */
  program?: readonly string[]
}

export type Agent = Awaited<ReturnType<typeof startAgent>>

/** Starts an agent; a new one enrols with `code`. */
export async function startAgent(options: AgentOptions) {
  const state = join(options.folder, 'state')
  const installRoot =
    options.installRoot === undefined ? join(options.folder, 'root') : options.installRoot
  let output = ''
  let child: ChildProcess = await start()

  async function start(): Promise<ChildProcess> {
    await mkdir(state, { recursive: true, mode: 0o700 })
    if (installRoot) await mkdir(installRoot, { recursive: true })
    const program = options.program ?? [join(projectRoot, 'agent', 'main.ts')]
    const args = [...program, 'run', '--state', state]
    args.push('--name', options.name)
    if (options.code) args.push('--code', options.code)
    if (installRoot) args.push('--install-root', installRoot)
    const started = spawn(process.execPath, args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const collect = (chunk: Buffer): void => void (output += chunk.toString())
    started.stdout.on('data', collect)
    started.stderr.on('data', collect)
    return started
  }

  return {
    name: options.name,
    installRoot,
    pid: (): number => child.pid ?? -1,
    isRunning: (): boolean => isRunning(child),
    /** Its complete output, across all starts. */
    output: (): string => output,
    stop: (): Promise<void> => endProcess(child),
    /** Simulates a crash: only processes that the agent started separately keep running. */
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await untilEnded(child)
    },
    /** Starts it again with the same state, after `stop` or `kill`. */
    async restart(): Promise<void> {
      await endProcess(child)
      child = await start()
    },
  }
}

/** Enrols and starts agents with these names, and waits until the controller sees all of them. */
export async function startAgents(
  api: Api,
  folder: string,
  names: readonly string[],
  options: Partial<AgentOptions> = {},
): Promise<Agent[]> {
  const { code } = await api.call('enrollments.create', { body: { max_uses: names.length } })
  const agents = await Promise.all(
    names.map((name) => startAgent({ ...options, folder: join(folder, name), name, code })),
  )
  try {
    await until(
      `${names.join(', ')} online`,
      async () => {
        const { devices } = await api.call('devices.list', {})
        return names.every((name) => devices.some((d) => d.name === name && d.online))
      },
      { limitMs: ONLINE_LIMIT_MS },
    )
  } catch (error) {
    await Promise.all(agents.map((agent) => agent.stop()))
    throw new Error(agents.map((agent) => agent.output()).join('\n'), { cause: error })
  }
  return agents
}
