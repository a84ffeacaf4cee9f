/**
 * The real agent as a process that enrols without a code, with a simulated person at its keyboard.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until as waitUntil } from '#shared/test-kit/until.ts'
import { NODE_FOR_AGENTS, AGENT_MAIN } from './real-agent.ts'

export type DiscoveringAgent = ReturnType<typeof startDiscovery>

/** @param state a folder to use again; otherwise a new one */
export function startDiscovery(
  name: string,
  options: { port: number; state?: string; hub?: string },
) {
  const state = options.state ?? mkdtempSync(join(tmpdir(), 'deployx-discover-'))
  const args = [AGENT_MAIN, 'discover', '--state', state, '--name', name]
  args.push('--hub', options.hub ?? `127.0.0.1:${options.port}`)
  const child = spawn(NODE_FOR_AGENTS, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  const append = (chunk: Buffer): void => void (output += chunk.toString())
  child.stdout.on('data', append)
  child.stderr.on('data', append)
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))

  const until = (what: RegExp): Promise<RegExpExecArray> =>
    waitUntil(`the agent printed ${String(what)}`, () => what.exec(output), {
      details: () => output,
    })
  return {
    state,
    output: () => output,
    until,
    /** The digits on its screen, without the gap. */
    digits: async (): Promise<string> => (await until(/^ {4}(\d{3} \d{3})$/m))[1]!.replace(' ', ''),
    type: (line: string): void => void child.stdin.write(`${line}\n`),
    ended,
    enrollment: (): unknown =>
      (JSON.parse(readFileSync(join(state, 'identity.json'), 'utf8')) as { enrollment: unknown })
        .enrollment,
    kill: (): Promise<unknown> => {
      child.kill('SIGKILL')
      return ended
    },
    async remove(): Promise<void> {
      await this.kill()
      rmSync(state, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}
