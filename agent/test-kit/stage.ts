/** A hub, a state folder and agents that are removed when the test ends. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, startAgent, type AgentProcess } from './agent-process.ts'
import { startTestHub, type TestHub } from './hub.ts'

export type Stage = Awaited<ReturnType<typeof setStage>>

export async function setStage(
  hubOptions: Parameters<typeof startTestHub>[0] = {},
  program?: readonly string[],
) {
  const hub: TestHub = await startTestHub(hubOptions)
  const state = makeFolder()
  const root = makeFolder()
  const agents: AgentProcess[] = []
  return {
    hub,
    statePath: state.path,
    rootPath: root.path,
    /** `run` with the code of this hub; installs into the install root by default. */
    start(more: readonly string[] = ['--install-root', root.path, '--code', hub.code()]) {
      const agent = startAgent(['run', '--state', state.path, ...more], program ? { program } : {})
      agents.push(agent)
      return agent
    },
    async connect(more?: readonly string[]): Promise<AgentProcess> {
      const agent = this.start(more)
      await hub.connected()
      return agent
    },
    attemptFolder: (attemptId: string) => join(state.path, 'attempts', attemptId),
    /** Folder of its package and its running installer. */
    workFolder: (attemptId: string) => join(state.path, 'work', attemptId, 'p'),
    attemptFolders: () => readdirSync(join(state.path, 'attempts')),
    /** JSON in a file of an attempt, or null. */
    readAttemptFile<T>(attemptId: string, name: string): T | null {
      const file = join(state.path, 'attempts', attemptId, name)
      return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : null
    },
    async clear(): Promise<void> {
      for (const agent of agents) if (agent.process.exitCode === null) await agent.kill('SIGKILL')
      for (const name of readdirSync(state.path).includes('attempts') ? this.attemptFolders() : [])
        killInstaller(this.readAttemptFile(name, 'installer.json'))
      await hub.stop()
      state.remove()
      root.remove()
    },
  }
}

/** Agents leave their installers running; a test must not. */
function killInstaller(installer: { process: { pid: number } } | null): void {
  try {
    if (installer) process.kill(-installer.process.pid, 'SIGKILL')
  } catch {
    // It has already ended.
  }
}

/** A shell script that records each run in `runs` of the install root, then runs the given lines. */
export const countingScript = (...lines: string[]): Buffer =>
  Buffer.from(['#!/bin/sh', 'echo run >> "$DEPLOYX_INSTALL_ROOT/runs"', ...lines, ''].join('\n'))

/** Whether a process is running; a zombie does not count. Linux only. */
export function isPidAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

export function countRuns(rootPath: string): number {
  const file = join(rootPath, 'runs')
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).length : 0
}
