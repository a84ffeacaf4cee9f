/**
 * A controller keeps working if its log or output cannot be written, and ends if it cannot
 * continue.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const HEADLESS = join(import.meta.dirname, 'headless.ts')
const canMount = process.platform === 'linux' && process.getuid?.() === 0
if (!canMount)
  process.stderr.write('SKIPPED: the log on a full disk needs Linux and root, to mount a tmpfs\n')

let folder: string
let child: ChildProcess | null
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-channel-'))
  child = null
})
afterEach(() => {
  child?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

type Started = { console: string; hub: string }
async function serve(stderr: number | 'pipe' | 'ignore', nodeOptions: string[] = []) {
  const started = spawn(
    process.execPath,
    [
      ...nodeOptions,
      HEADLESS,
      ...['--data', join(folder, 'data'), '--host', '127.0.0.1', '--no-discovery', '--json'],
      ...['--hub-port', '0', '--console-port', '0'],
    ],
    { stdio: ['ignore', 'pipe', stderr], env: { ...process.env, DEPLOYX_LOG_LEVEL: 'debug' } },
  )
  child = started
  const [line] = (await once(started.stdout!, 'data')) as [Buffer]
  return { child: started, ...(JSON.parse(line.toString()) as Started) }
}
const isUp = async (url: string) => (await fetch(`${url}/health`)).status === 200
/** Makes the hub write a line to its log. */
async function provokeLogLine(hub: string): Promise<void> {
  const socket = connect(Number(new URL(hub).port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.end('this is not TLS\r\n\r\n')
  await once(socket.resume(), 'close')
}
async function endsWith(code: number, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child!, 'exit')
  child!.kill(signal)
  expect(await ended).toEqual([code, null])
}

describe.skipIf(!process.features.typescript || process.platform === 'win32')(
  'a controller',
  () => {
    it.skipIf(!canMount)(
      'keeps working with its log on a full disk, and reports the number of dropped lines later',
      async () => {
        const disk = join(folder, 'disk')
        mkdirSync(disk)
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', disk])
        try {
          const log = openSync(join(disk, 'log'), 'w')
          const { console, hub } = await serve(log)
          closeSync(log)
          const filler = openSync(join(disk, 'filler'), 'w')
          expect(() => {
            for (;;) writeFileSync(filler, Buffer.alloc(4096, 1))
          }).toThrow('ENOSPC')
          closeSync(filler)
          // More than fits on the rest of the log's last page.
          for (let n = 0; n < 40; n++) await provokeLogLine(hub)
          expect(await isUp(console)).toBe(true)
          rmSync(join(disk, 'filler'))
          await provokeLogLine(hub)
          const text = () => readFileSync(join(disk, 'log'), 'utf8')
          await expect.poll(text).toMatch(/"dropped":\d+/)
          expect(child!.exitCode).toBeNull()
          await endsWith(0, 'SIGTERM')
        } finally {
          child?.kill('SIGKILL')
          execFileSync('umount', ['--lazy', disk])
        }
      },
    )

    it('keeps working after its terminal was closed', async () => {
      const { child, console, hub } = await serve('pipe')
      child.stderr!.destroy()
      child.stdout!.destroy()
      for (let n = 0; n < 5; n++) await provokeLogLine(hub)
      expect(await isUp(console)).toBe(true)
      await endsWith(0, 'SIGTERM')
    })

    it('exits with an error code after an unexpected error', async () => {
      const preload = `data:text/javascript,process.on('SIGUSR2', () => { throw new Error('unexpected') })`
      await serve('ignore', ['--import', preload])
      await endsWith(1, 'SIGUSR2')
    })
  },
)
