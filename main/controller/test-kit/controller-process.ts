/** Starts run-controller.ts, and provides settable clocks for processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ControllerOptions } from '../compose/index.ts'
import { NODE_FOR_AGENTS } from './real-agent.ts'
import { createRestClient, type RestClient } from './test-controller.ts'
import type { SimHub } from './sim-agent.ts'

const ANNA = { username: 'anna', password: 'correct horse' }
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
export const hasFakeTime = existsSync(LIBRARY)

/**
 * A wall clock for processes of this computer (libfaketime). Their monotonic clock is unchanged.
 */
export function createProcessClock() {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-clock-'))
  const file = join(folder, 'offset')
  const set = (seconds: number): void => {
    // A process must never read a partial file.
    writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`)
    renameSync(`${file}.new`, file)
  }
  set(0)
  return {
    env: {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    /** @param seconds offset from the real time */
    set,
    remove: (): void => rmSync(folder, { recursive: true, force: true }),
  }
}

export type ControllerProcess = Awaited<ReturnType<typeof startControllerProcess>>

/** With a first account. End it with `remove`. */
export async function startControllerProcess(options: {
  timings?: ControllerOptions['timings']
  env?: NodeJS.ProcessEnv
}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'deployx-process-'))
  const child = spawn(
    NODE_FOR_AGENTS,
    [
      join(import.meta.dirname, 'run-controller.ts'),
      dataDir,
      JSON.stringify({ timings: options.timings }),
    ],
    { env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(child, 'close')
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    ended.then(() => Promise.reject(new Error(`the controller ended: ${output}`))),
  ])) as [string]
  const { console: consoleUrl, hub: hubUrl } = JSON.parse(line) as { console: string; hub: string }
  const anonymous = createRestClient(consoleUrl)
  const { token } = await anonymous.call('auth.setup', { body: ANNA })
  const hub: SimHub = {
    port: Number(new URL(hubUrl).port),
    cert: readFileSync(join(dataDir, 'keys', 'hub-tls.crt'), 'utf8'),
  }
  return {
    hub,
    consoleUrl,
    anonymous,
    rest: createRestClient(consoleUrl, token),
    output: () => output,
    /** Opens another session. @throws if it is refused */
    signIn: async (): Promise<RestClient> =>
      createRestClient(consoleUrl, (await anonymous.call('auth.login', { body: ANNA })).token),
    /** Suspends the process until it is resumed. */
    pause: (): void => void child.kill('SIGSTOP'),
    goOn: (): void => void child.kill('SIGCONT'),
    async remove(): Promise<void> {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(timer)
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
