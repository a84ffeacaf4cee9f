/**
 * A disposable Windows for tests: a Wine prefix, copied from a template that is built once per Wine version.
 * The program under test writes to files, because Node for Windows cannot use Linux pipes; Linux sees exit
 * codes modulo 256.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { cacheDir } from '../support/cache-dir.ts'
import { withLock } from '../support/lock.ts'
import { run } from '../support/run.ts'
import { ensureSystemPackages } from '../system-packages.ts'

/** Increase this when the template is built differently. */
const RECIPE = 1
const BOOT_TIMEOUT_MS = 3 * 60_000
const COPY_TIMEOUT_MS = 2 * 60_000
const COMMAND_TIMEOUT_MS = 180_000

const environment = (prefix: string): NodeJS.ProcessEnv => {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    // No .NET and no browser: no test needs them, and they take minutes to set up.
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
  }
  delete env['DISPLAY']
  delete env['WAYLAND_DISPLAY']
  return env
}

/**
 * Why Windows is not available here, or null. Installs Wine where that is possible (root on a Debian-like
 * system).
 */
export async function wineObstacle(): Promise<string | null> {
  if (process.platform !== 'linux') return 'the Windows tests use Wine on Linux'
  const packages = await ensureSystemPackages(['windows'], (message) => console.error(message))
  if (packages.hint) return packages.hint
  for (const program of ['wine', 'wixl', 'makensis'])
    if (!(await run(program, ['--version'], { timeoutMs: 60_000 }).catch(() => null)))
      return `there is no ${program}`
  return null
}

/** The template's folder. Creating it takes about 20 s. */
async function ensureTemplate(): Promise<string> {
  const version = (await run('wine', ['--version'], { timeoutMs: 60_000 })).stdout
  const name = `${version.replace(/[^A-Za-z0-9.]+/g, '-').slice(0, 60)}${RECIPE}`
  const folder = path.join(cacheDir(), 'wine', name)
  const ready = path.join(folder, 'ready')
  await fs.mkdir(path.dirname(folder), { recursive: true })
  return await withLock(`${folder}.lock`, { waitMs: 2 * BOOT_TIMEOUT_MS }, async () => {
    if (existsSync(ready)) return folder
    await fs.rm(folder, { recursive: true, force: true })
    const env = environment(folder)
    for (const [program, ...args] of [
      ['wineboot', '-i'],
      // Node 24 does not start on older versions.
      ['winecfg', '/v', 'win10'],
      ['wineserver', '-w'],
    ] as const) {
      const result = await run(program, args, { timeoutMs: BOOT_TIMEOUT_MS, env })
      if (result.code !== 0)
        throw new Error(`${program} failed (${result.code ?? 'no end'}): ${result.stderr}`)
    }
    await fs.writeFile(ready, '')
    return folder
  })
}

export type WindowsProgram = {
  process: ChildProcess
  /** Its output so far, both streams. */
  output: () => string
  /** Its exit code modulo 256, or null if it was killed. */
  ended: Promise<number | null>
}
export type Windows = Awaited<ReturnType<typeof openWindows>>

/** A separate prefix. Call `close` when done, which kills everything in it. */
export async function openWindows() {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-windows-'))
  const prefix = path.join(folder, 'prefix')
  const copy = await run('cp', ['-a', '--reflink=auto', await ensureTemplate(), prefix], {
    timeoutMs: COPY_TIMEOUT_MS,
  })
  if (copy.code !== 0) throw new Error(`the Wine prefix could not be copied: ${copy.stderr}`)
  const env = environment(prefix)
  let programs = 0

  /** `C:\A\b` as a path on this computer. */
  const unixPath = (windowsPath: string): string =>
    path.join(prefix, 'drive_c', ...windowsPath.replace(/^C:\\/i, '').split('\\'))

  function start(words: readonly string[], more: NodeJS.ProcessEnv = {}): WindowsProgram {
    const file = path.join(folder, `output-${++programs}.txt`)
    const fd = openSync(file, 'w')
    const child = spawn('wine', [...words], {
      env: { ...env, ...more },
      stdio: ['ignore', fd, fd],
      cwd: folder,
    })
    closeSync(fd)
    const ended = new Promise<number | null>((resolve) => {
      child.once('error', () => resolve(null))
      child.once('exit', (code) => resolve(code))
    })
    return { process: child, output: () => readFileSync(file, 'utf8'), ended }
  }

  /** Runs a program to its end. @throws Error after `timeoutMs` */
  async function exec(words: readonly string[], timeoutMs = COMMAND_TIMEOUT_MS) {
    const program = start(words)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        program.process.kill('SIGKILL')
        reject(new Error(`${words.join(' ')} did not end within ${timeoutMs / 1000} s`))
      }, timeoutMs)
    })
    const code = await Promise.race([program.ended, late]).finally(() => clearTimeout(timer))
    return { code, output: program.output() }
  }

  async function find(words: string): Promise<number[]> {
    const found: number[] = []
    for (const pid of await fs.readdir('/proc')) {
      if (!/^\d+$/.test(pid)) continue
      const line = await fs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      if (!line.replaceAll('\0', ' ').includes(words)) continue
      const itsEnv = await fs.readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      if (itsEnv.split('\0').includes(`WINEPREFIX=${prefix}`)) found.push(Number(pid))
    }
    return found
  }

  /** As when the computer is switched off. */
  const killAll = (): Promise<unknown> =>
    run('wineserver', ['-k'], { timeoutMs: 60_000, env }).catch(() => undefined)

  return {
    folder,
    unixPath,
    start,
    exec,
    exists: (windowsPath: string): boolean => existsSync(unixPath(windowsPath)),
    read: (windowsPath: string): string => readFileSync(unixPath(windowsPath), 'utf8'),
    /** Whether a process of this Windows has these words in its command line. */
    isRunning: async (words: string): Promise<boolean> => (await find(words)).length > 0,
    /** Kills all processes that have them, as a crash would; returns how many. */
    async kill(words: string): Promise<number> {
      const found = await find(words)
      for (const pid of found) process.kill(pid, 'SIGKILL')
      return found.length
    },
    /** A value of the registry as `reg query` prints it, or null. */
    async registryValue(key: string, value: string): Promise<string | null> {
      const { output } = await exec(['reg', 'query', key, '/v', value])
      return new RegExp(`^\\s+${value}\\s+REG_\\w+\\s+(.*?)\\s*$`, 'm').exec(output)?.[1] ?? null
    },
    killAll,
    async close(): Promise<void> {
      await killAll()
      await fs.rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    },
  }
}

/**
 * Wine 8 lacks one function that Node 24 looks up by name. This copy for tests changes the name, so that Node
 * uses its fallback; everything else is the released agent.
 */
export async function copyForWine(executable: string, output: string): Promise<void> {
  const bytes = await fs.readFile(executable)
  const name = Buffer.from('VirtualAlloc2\0')
  const at = bytes.indexOf(name)
  if (at >= 0) bytes.write('VirtualAllocX', at, 'latin1')
  await fs.mkdir(path.dirname(output), { recursive: true })
  await fs.writeFile(output, bytes)
  console.log(
    at >= 0
      ? 'Windows agent: the built .exe with one name changed (VirtualAlloc2) for Wine'
      : 'Windows agent: the built .exe as it is',
  )
}
