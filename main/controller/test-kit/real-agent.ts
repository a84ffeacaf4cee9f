/** The real agent as a process of its own, installing into a folder of its own; and an installer that waits to be let go. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const MAIN = join(ROOT, 'agent', 'main.ts')
/** Under Electron's Node, which takes no TypeScript, the agent still runs on the project's own. */
const NODE = process.features.typescript
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

/** Starts it; it enrols with the code. End it with `remove`. */
export function startRealAgent(name: string, code: string) {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-real-agent-'))
  const root = join(folder, 'root')
  mkdirSync(root)
  let said = ''
  let child = start()

  function start(): ChildProcess {
    const args = [MAIN, 'run', '--state', join(folder, 'state'), '--name', name]
    args.push('--code', code, '--install-root', root)
    const started = spawn(NODE, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    started.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    started.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
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
    said: () => said,
    kill,
    restart: (): void => void (child = start()),
    /** How often its installer was started. */
    runs: (): number =>
      existsSync(join(root, 'runs')) ? readFileSync(join(root, 'runs'), 'utf8').split('\n').length - 1 : 0, // prettier-ignore
    letGo: (): void => writeFileSync(join(root, 'go-on'), ''),
    async remove(): Promise<void> {
      if (existsSync(root)) this.letGo()
      await kill()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}
