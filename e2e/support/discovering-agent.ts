/** An agent that enrols without a code, with input as from a person at its keyboard. */
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '#shared/test-kit/until.ts'
import { projectRoot } from '../../build/support/project.ts'
import { untilEnded, endProcess } from './processes.ts'

export type DiscoveringAgent = Awaited<ReturnType<typeof startDiscoveringAgent>>

/** @param hub HOST:PORT */
export async function startDiscoveringAgent(folder: string, name: string, hub: string) {
  const state = join(folder, 'state')
  await mkdir(state, { recursive: true, mode: 0o700 })
  const args = [join(projectRoot, 'agent', 'main.ts'), 'discover', '--state', state]
  const child = spawn(process.execPath, [...args, '--name', name, '--hub', hub], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer): void => void (output += chunk.toString())
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  child.stdin.on('error', () => undefined)
  return {
    output: (): string => output,
    /** The digits on its screen, formatted as `123 456`. */
    async digits(): Promise<string> {
      let digits = ''
      await until('digits on the screen of the PC', () => {
        digits = /^ {4}(\d{3} \d{3})$/m.exec(output)?.[1] ?? ''
        return Promise.resolve(digits !== '')
      })
      return digits
    },
    type: (line: string): void => void child.stdin.write(`${line}\n`),
    untilEnded: (): Promise<unknown> => untilEnded(child),
    exitCode: (): number | null => child.exitCode,
    stop: (): Promise<void> => endProcess(child),
  }
}
