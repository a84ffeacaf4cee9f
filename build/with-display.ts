import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { systemPackagesCommand } from './system-packages.ts'

export interface Display {
  /** To merge into the environment of a program that needs a display; empty if there is one already. */
  env: Record<string, string>
  /** Whether it was started for this purpose. */
  virtual: boolean
  /** Closes a display opened here. Leaves an existing display open. */
  close(): Promise<void>
}

interface DisplayOptions {
  env?: NodeJS.ProcessEnv
  platform?: NodeJS.Platform
  /** Size of a virtual screen in pixels. */
  width?: number
  height?: number
}

/** Whether a window can be shown right away. Windows and macOS are assumed to have a desktop. */
export function hasDisplay(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): boolean {
  return platform !== 'linux' || Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY'])
}

/**
 * The existing display, or a virtual one (Xvfb) if there is none. Xvfb chooses a free number itself and
 * reports it when it accepts clients, so any number of displays can be opened at the same time; each has its
 * own access cookie. @throws Error with one line if Xvfb is not installed or does not start
 */
export async function openDisplay(options: DisplayOptions = {}): Promise<Display> {
  if (hasDisplay(options.env, options.platform)) {
    return { env: {}, virtual: false, close: async () => undefined }
  }
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-display-'))
  const authority = path.join(folder, 'Xauthority')
  await fs.writeFile(authority, xauthorityEntry(randomBytes(16)), { mode: 0o600 })
  const screen = `${options.width ?? 1440}x${options.height ?? 900}x24`
  const server = spawn(
    'Xvfb',
    ['-displayfd', '3', '-screen', '0', screen, '-auth', authority, '-nolisten', 'tcp', '-noreset'],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  )
  const close = async (): Promise<void> => {
    await end(server)
    await fs.rm(folder, { recursive: true, force: true })
  }
  // However the script ends, the server and its cookie must not be left behind.
  const onExit = () => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', onExit)
  server.once('exit', () => process.off('exit', onExit))
  try {
    const number = await displayNumber(server)
    const env = { DISPLAY: `:${number}`, XAUTHORITY: authority }
    return { env, virtual: true, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Runs a command with a display and returns its exit code (128 + n after signal n, as shells do). Its input
 * and output are this process's own; SIGINT and SIGTERM are forwarded.
 */
export async function runWithDisplay(
  command: string,
  args: readonly string[],
  options: DisplayOptions & { cwd?: string } = {},
): Promise<number> {
  const display = await openDisplay(options)
  try {
    const env = { ...(options.env ?? process.env), ...display.env }
    return await runAttached(command, args, env, options.cwd)
  } finally {
    await display.close()
  }
}

/** An entry for any host and display, in the format of libXau's XauWriteAuth, family FamilyWild. */
function xauthorityEntry(cookie: Buffer): Buffer {
  const field = (bytes: Buffer): Buffer => {
    const size = Buffer.alloc(2)
    size.writeUInt16BE(bytes.length)
    return Buffer.concat([size, bytes])
  }
  const familyWild = Buffer.from([0xff, 0xff])
  const anyAddress = field(Buffer.alloc(0))
  const anyDisplay = field(Buffer.alloc(0))
  const scheme = field(Buffer.from('MIT-MAGIC-COOKIE-1'))
  return Buffer.concat([familyWild, anyAddress, anyDisplay, scheme, field(cookie)])
}

async function displayNumber(server: ChildProcess): Promise<number> {
  return await new Promise((resolve, reject) => {
    let text = ''
    let errors = ''
    const timer = setTimeout(() => reject(new Error('Xvfb did not start within 15 s')), 15_000)
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      act()
    }
    server.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    const announced = server.stdio[3] as Readable
    announced.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) settle(() => resolve(Number.parseInt(text, 10)))
    })
    server.once('error', (error: NodeJS.ErrnoException) => {
      const missing = `there is no display and no Xvfb: ${systemPackagesCommand(['display'])}`
      settle(() => reject(error.code === 'ENOENT' ? new Error(missing) : error))
    })
    server.once('exit', (code) => {
      settle(() =>
        reject(new Error(`Xvfb ended with ${code}: ${errors.trim().split('\n').at(-1)}`)),
      )
    })
  })
}

async function end(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.kill('SIGKILL'), 3_000)
    server.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    server.kill('SIGTERM')
  })
}

async function runAttached(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string | undefined,
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env, cwd })
  const passOn = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', passOn).on('SIGTERM', passOn)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        resolve(code ?? 128 + (signal ? os.constants.signals[signal] : 0))
      })
    })
  } finally {
    process.off('SIGINT', passOn).off('SIGTERM', passOn)
  }
}

async function main([command, ...args]: string[]): Promise<number> {
  if (command === undefined) {
    console.error('usage: node build/with-display.ts COMMAND [ARGUMENT…]')
    return 2
  }
  try {
    return await runWithDisplay(command, args)
  } catch (error) {
    console.error(`${command}: ${(error as Error).message}`)
    return 1
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
