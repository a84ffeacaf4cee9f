/** Starts the real desktop app, from the sources or packaged, each time in its own folders. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { _electron, errors, type ElectronApplication, type Page } from '@playwright/test'
import { installedRuntime } from '../../build/electron-runtime/runtime-files.ts'
import { projectRoot } from '../../build/support/project.ts'
import { callBridge } from './page-world.ts'
import { isRunning } from './processes.ts'

const START_LIMIT_MS = 60_000
const PACKAGED_ATTACH_LIMIT_MS = 45_000
const END_LIMIT_MS = 45_000

export type LaunchOptions = {
  /** Contains what the app stores; starts with the same folder act as the same user. */
  home: string
  /** The controller's data; defaults to `home/data`. */
  dataDir?: string
  env?: Record<string, string>
  args?: string[]
}

export type ConsoleApp = {
  electron: ElectronApplication
  /** The app's main process. */
  child: ChildProcess
  page: Page
  consoleUrl: string
  /** Required for the first account; passed to the window only. */
  setupCode: string
  home: string
  dataDir: string
  /** Its stderr so far: its log, one JSON object per line, and Chromium's own lines. */
  stderr: () => string
  /** Quits as a user would; kills what does not end. */
  close: () => Promise<void>
}

/** Whether the specs run against a package instead of the sources. */
export const isPackaged = (): boolean => Boolean(process.env['DEPLOYX_E2E_EXECUTABLE'])

type Command = { executable: string; args: string[]; env: Record<string, string> }

/**
 * The command that starts the app with these options. Playwright's switches and ours may come in any order.
 */
export async function startCommand(options: LaunchOptions): Promise<Command> {
  const executable = isPackaged()
    ? process.env['DEPLOYX_E2E_EXECUTABLE']
    : (await installedRuntime(projectRoot))?.executable
  if (!executable) throw new Error('there is no Electron: start the specs with npm run e2e')
  const dataDir = options.dataDir ?? join(options.home, 'data')
  return {
    executable,
    args: [
      ...(isPackaged() ? [] : [projectRoot]),
      `--user-data-dir=${join(options.home, 'user')}`,
      '--disable-gpu',
      // No keyring daemon runs in a test.
      '--password-store=basic',
      // Chromium's sandbox does not work for root; only tests run as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...(options.args ?? []),
    ],
    env: {
      ...(process.env as Record<string, string>),
      DEPLOYX_DATA: dataDir,
      DEPLOYX_HUB_PORT: '0',
      DEPLOYX_CONSOLE_PORT: '0',
      DEPLOYX_UNATTENDED: '1',
      XDG_CONFIG_HOME: join(options.home, 'config'),
      // No bus unless the test starts one. An empty value would crash Chromium.
      DBUS_SESSION_BUS_ADDRESS: 'disabled:',
      ...options.env,
    },
  }
}

/** Starts the app under Playwright and waits for its window. */
export async function launchConsole(options: LaunchOptions): Promise<ConsoleApp> {
  const electron = await startUnderPlaywright(await startCommand(options))
  const child = electron.process()
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const close = async (): Promise<void> => {
    if (!isRunning(child)) return
    const timer = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS)
    await electron.close().catch(() => undefined)
    clearTimeout(timer)
  }
  try {
    const page = await electron.firstWindow({ timeout: START_LIMIT_MS })
    const info = await callBridge(page, 'app.info', undefined)
    if (!info.ok) throw new Error(info.error.message)
    const { console_url: consoleUrl, data_dir: dataDir, setup_code: setupCode } = info.data
    const { home } = options
    const where = { consoleUrl, setupCode, home, dataDir }
    return { electron, child, page, ...where, stderr: () => stderr, close }
  } catch (error) {
    await close()
    throw new Error(`the app did not start: ${(error as Error).message}\n${stderr}`, {
      cause: error,
    })
  }
}

/**
 * For Electron from node_modules, Playwright holds the app back until it is attached. A packaged app starts
 * immediately, and about one time in a hundred Playwright misses its first page and waits forever: only such
 * a start is retried.
 */
async function startUnderPlaywright(command: Command): Promise<ElectronApplication> {
  const { executable, args, env } = command
  if (!isPackaged())
    return await _electron.launch({ args, env, cwd: projectRoot, timeout: START_LIMIT_MS })
  const options = { executablePath: executable, args, env, cwd: projectRoot }
  try {
    return await _electron.launch({ ...options, timeout: PACKAGED_ATTACH_LIMIT_MS })
  } catch (error) {
    if (!(error instanceof errors.TimeoutError)) throw error
    return await _electron.launch({ ...options, timeout: START_LIMIT_MS })
  }
}

/** Starts the app without Playwright; the caller ends it. */
export async function startConsole(
  options: LaunchOptions,
): Promise<{ child: ChildProcess; stderr: () => string }> {
  const { executable, args, env } = await startCommand(options)
  const child = spawn(executable, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return { child, stderr: () => stderr }
}

/** Starts the app and waits for it to end, with a time limit: for starts that are refused. */
export async function runConsoleToEnd(
  options: LaunchOptions,
): Promise<{ code: number | null; stderr: string }> {
  const { child, stderr } = await startConsole(options)
  const timer = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS)
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stderr: stderr() })
    })
  })
}

/** The lines that the app prints for people, without its log and Chromium's lines. */
export const linesForPeople = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line.startsWith('deployx: '))
