/**
 * `npm run e2e -- [--packaged] [Playwright's options]`: prepares everything the specs need, then runs them.
 * As root on Debian it installs system packages; elsewhere it lists what is missing.
 */
import { spawn } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import { ensureBuilt } from '../build/build-app.ts'
import { ElectronUnavailableError, resolveElectron } from '../build/electron-runtime/resolve.ts'
import { asksForHelp } from '../build/support/command-line.ts'
import { projectRoot } from '../build/support/project.ts'
import { ensureSystemPackages } from '../build/system-packages.ts'
import { openDisplay } from '../build/with-display.ts'

const HELP = `Runs the specs in a real Electron.

Usage: npm run e2e -- [--packaged] [FILE...] [Playwright's options]

  --packaged  in the packaged app instead of the built one
  FILE        only the specs whose path contains it
`

const print = (message: string): void => console.error(message)

async function prepare(packaged: boolean): Promise<Record<string, string>> {
  const system = await ensureSystemPackages(undefined, print)
  if (!system.ok) throw new Error(system.hint ?? 'system packages are missing')
  if (packaged) {
    const { packageApp } = await import('../build/package.ts')
    const result = await packageApp({ inspectable: true, allowFallback: true, onProgress: print })
    return {
      DEPLOYX_E2E_EXECUTABLE: result.executable,
      DEPLOYX_E2E_ELECTRON_VERSION: result.electron.version,
    }
  }
  const electron = await resolveElectron({ fallback: 'allow', onProgress: print })
  await ensureBuilt()
  return { DEPLOYX_E2E_ELECTRON_VERSION: electron.version }
}

async function playwright(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const cli = path.join(projectRoot, 'node_modules', '@playwright', 'test', 'cli.js')
  const child = spawn(process.execPath, [cli, 'test', ...args], {
    cwd: projectRoot,
    stdio: 'inherit',
    env,
  })
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', passOn).on('SIGTERM', passOn)
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal ? os.constants.signals[signal] : 0)),
    )
  })
}

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  try {
    const prepared = await prepare(args.includes('--packaged'))
    const display = await openDisplay()
    try {
      const rest = args.filter((arg) => arg !== '--packaged')
      return await playwright(rest, { ...process.env, ...display.env, ...prepared })
    } finally {
      await display.close()
    }
  } catch (error) {
    console.error(`e2e: ${(error as Error).message}`)
    if (error instanceof ElectronUnavailableError) console.error(error.hint)
    return 1
  }
}

if (asksForHelp(process.argv.slice(2))) process.stdout.write(HELP)
else process.exitCode = await main()
