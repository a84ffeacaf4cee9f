/**
 * Real processes for the crash runs: a controller and agents, each of which can be killed and restarted at
 * any moment.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ensureServable } from '../build/serve-bundle.ts'
import { createRestClient, type RestClient } from '../main/controller/test-kit/test-controller.ts'

const ROOT = join(import.meta.dirname, '..')
const START_LIMIT_MS = 30_000

export type Cast = Awaited<ReturnType<typeof startCast>>
export type AgentRole = { name: string; stateDir: string; rootDir: string }

function launch(args: string[], onLine: (line: string) => void): ChildProcess {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, DEPLOYX_LOG_LEVEL: 'silent' },
  })
  createInterface({ input: child.stdout }).on('line', onLine)
  return child
}
const hasEnded = (child: ChildProcess | null) =>
  !child || child.exitCode !== null || child.signalCode !== null
const killed = (child: ChildProcess | null): Promise<void> =>
  new Promise((resolve) => {
    if (hasEnded(child)) return resolve()
    child!.once('exit', () => resolve())
    child!.kill('SIGKILL')
  })

/** Process ids whose command line contains all of these words. Linux only. */
function processesWith(...words: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return words.every((word) => line.includes(word))
      } catch {
        return false // it has ended in the meantime
      }
    })
    .map(Number)
}

/** Includes the processes that take over an installer after its agent has ended (`attend`). */
const supervisorsIn = (folder: string): number[] => [
  ...processesWith('supervise', folder),
  ...processesWith('attend', folder),
]

export async function startCast(agentCount: number) {
  // The bundle starts four times as fast as the sources, and is what users run.
  const program = await ensureServable(ROOT)
  const folder = mkdtempSync(join(tmpdir(), 'deployx-crash-'))
  const dataDir = join(folder, 'data')
  let controller: ChildProcess | null = null
  let ports = { hub: 0, console: 0 }
  const agents: (AgentRole & { process: ChildProcess | null })[] = Array.from(
    { length: agentCount },
    (_, i) => ({
      name: `CRASH-${i + 1}`,
      stateDir: join(folder, `state-${i + 1}`),
      rootDir: join(folder, `root-${i + 1}`),
      process: null,
    }),
  )

  /** Starts the controller on the same ports as before. */
  function startController(): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('the controller did not start')),
        START_LIMIT_MS,
      )
      const args = [program, '--data', dataDir, '--host', '127.0.0.1', '--json']
      args.push('--hub-port', String(ports.hub), '--console-port', String(ports.console))
      const child = launch(args, (line) => {
        if (!line.startsWith('{')) return
        clearTimeout(timer)
        const started = JSON.parse(line) as { console: string; hub: string }
        ports = {
          hub: Number(new URL(started.hub).port),
          console: Number(new URL(started.console).port),
        }
        resolve(started.console)
      })
      controller = child
      child.once('exit', (code) => {
        clearTimeout(timer)
        reject(new Error(`the controller ended with ${code}`))
      })
    })
  }
  function startAgent(i: number, code?: string): void {
    const agent = agents[i]!
    if (!hasEnded(agent.process)) return
    const { stateDir, rootDir, name } = agent
    const args = ['agent/main.ts', 'run', '--state', stateDir, '--install-root', rootDir]
    if (code) args.push('--name', name, '--code', code)
    agent.process = launch(args, () => undefined)
  }

  const url = await startController()
  const session = await createRestClient(url).call('auth.setup', {
    body: { username: 'anna', password: 'correct horse' },
  })
  const rest: RestClient = createRestClient(url, session.token)
  for (let i = 0; i < agentCount; i++) {
    const { code } = await rest.call('enrollments.create', { body: {} })
    startAgent(i, code)
  }

  return {
    rest,
    /** For connections to the console's feed. */
    console: { url, token: session.token },
    pidOf: (i: number): number => agents[i]!.process!.pid!,
    agents: agents as AgentRole[],
    /** A change of this file means that something was just written, but not acted upon yet. */
    journalOf: (i: number) => join(agents[i]!.stateDir, 'journal.log'),
    databaseLog: join(dataDir, 'deployx.db-wal'),
    killController: () => killed(controller),
    startController: async () => void (hasEnded(controller) && (await startController())),
    killAgent: (i: number) => killed(agents[i]!.process),
    startAgent: (i: number) => startAgent(i),
    /** Returns true if a supervisor was running and was killed. */
    killSupervisor(i: number): boolean {
      const pids = supervisorsIn(agents[i]!.stateDir)
      for (const pid of pids)
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It has ended in the meantime.
        }
      return pids.length > 0
    },
    /** How often the installer ran for each `target/attempt`. */
    runsOf(i: number): Map<string, number> {
      const file = join(agents[i]!.rootDir, 'runs')
      const runs = new Map<string, number>()
      if (existsSync(file))
        for (const line of readFileSync(file, 'utf8').split('\n'))
          if (line) runs.set(line, (runs.get(line) ?? 0) + 1)
      return runs
    },
    async stop(): Promise<void> {
      for (const agent of agents) await killed(agent.process)
      await killed(controller)
      for (const pid of supervisorsIn(folder))
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It has ended in the meantime.
        }
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}
