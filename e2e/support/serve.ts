/** The headless controller from the sources, as `npm run serve` starts it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { until } from '#shared/test-kit/until.ts'
import { projectRoot } from '../../build/support/project.ts'
import { endProcess } from './processes.ts'

export type Served = { consoleUrl: string; child: ChildProcess; stop: () => Promise<void> }

/** Starts it on free ports and waits until it accepts connections. */
export async function serve(dataDir: string): Promise<Served> {
  const ports = ['--hub-port', '0', '--console-port', '0']
  const args = ['--data', dataDir, '--host', '127.0.0.1', ...ports, '--no-discovery']
  const child = spawn(
    process.execPath,
    [join(projectRoot, 'main', 'headless.ts'), ...args, '--json'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let [out, log] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const stop = (): Promise<void> => endProcess(child)
  try {
    await until('the controller has started', () => out.includes('\n'), { limitMs: 30_000 })
    const { console: consoleUrl } = JSON.parse(out.split('\n')[0]!) as { console: string }
    return { consoleUrl, child, stop }
  } catch (error) {
    await stop()
    throw new Error(`the controller did not start:\n${log}`, { cause: error })
  }
}
