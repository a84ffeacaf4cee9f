/**
 * A disposable PC for tests: a minimal Debian that boots with its own systemd in a systemd-nspawn container.
 * It shares only the network with this computer. Needs root and a kernel that allows it; `nspawnObstacle`
 * reports what is missing.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastLine, run, type RunResult } from '../support/run.ts'
import { ensureSystemPackages } from '../system-packages.ts'
import { ensureDebianTemplate } from './debian-template.ts'

const COPY_TIMEOUT_MS = 2 * 60_000
const BOOT_LIMIT_MS = 180_000
const COMMAND_TIMEOUT_MS = 180_000
const END_LIMIT_MS = 30_000
const POLL_MS = 50
/** systemd-nspawn(1): the container requests a restart, which the caller has to perform. */
const REBOOT_EXIT_CODE = 133
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Why no such PC can be booted here, or null. Installs and downloads the prerequisites where that is
 * possible.
 */
export async function nspawnObstacle(): Promise<string | null> {
  if (process.platform !== 'linux') return 'a Debian boots on Linux only'
  if (process.getuid?.() !== 0) return 'only root may boot a container'
  const packages = await ensureSystemPackages(['container'], (message) => console.error(message))
  if (packages.hint) return packages.hint
  for (const program of ['debootstrap', 'systemd-nspawn'])
    if (!(await run(program, ['--version'], { timeoutMs: 60_000 }).catch(() => null)))
      return `there is no ${program}`
  try {
    await (await openDebianPc('probe')).close()
    return null
  } catch (error) {
    return (error as Error).message
  }
}

export type DebianPc = Awaited<ReturnType<typeof openDebianPc>>

/** Boots a PC; call `close` when done. @throws Error with nspawn's output if it does not boot */
export async function openDebianPc(hostname: string) {
  const template = await ensureDebianTemplate((message) => console.error(message))
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-pc-'))
  const root = path.join(folder, 'root')
  const machine = `deployx-${randomBytes(4).toString('hex')}`
  let container: ChildProcess | null = null
  let ended: Promise<number | null> = Promise.resolve(null)
  let output = ''

  function start(): void {
    const options = ['--quiet', '--boot', '--register=no', '--keep-unit', '--console=pipe']
    const own = [`--machine=${machine}`, `--hostname=${hostname}`, `--directory=${root}`]
    const isolation = ['--resolv-conf=off', '--timezone=off', '--link-journal=no']
    // Dies with this process, however that ends.
    const words = ['--pdeathsig', 'KILL', 'systemd-nspawn', ...options, ...own, ...isolation]
    const child = spawn('setpriv', words, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr])
      stream
        .setEncoding('utf8')
        .on('data', (text: string) => (output = (output + text).slice(-20_000)))
    container = child
    ended = new Promise((resolve) => {
      child.once('error', () => resolve(null))
      child.once('close', (code) => resolve(code))
    })
  }

  /** The process id of the PC's init process on this computer. */
  async function leader(): Promise<number | null> {
    const pid = container?.pid
    if (pid === undefined || container?.exitCode !== null) return null
    const children = await fs.readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
    return Number(children.split(' ')[0]) || null
  }

  /** Runs a program on the PC as root, without a shell on this computer. */
  async function exec(
    words: readonly string[],
    timeoutMs = COMMAND_TIMEOUT_MS,
  ): Promise<RunResult> {
    const pid = await leader()
    if (pid === null) throw new Error(`the PC does not run: ${lastLine(output)}`)
    const env = ['env', '-i', `PATH=${PATH}`, 'HOME=/root', 'LANG=C.UTF-8']
    const bound = ['timeout', '--kill-after=5', String(timeoutMs / 1000)]
    const enter = ['--target', String(pid), '--all', ...env, ...bound, ...words]
    return await run('nsenter', enter, { timeoutMs: timeoutMs + 10_000 })
  }

  async function untilBooted(): Promise<void> {
    const endAt = Date.now() + BOOT_LIMIT_MS
    for (;;) {
      const state = await exec(['systemctl', 'is-system-running', '--wait'], 20_000).catch(
        () => null,
      )
      if (state && /^(running|degraded)$/m.test(state.stdout)) return
      if (container?.exitCode !== null || Date.now() > endAt)
        throw new Error(
          `no container boots here: ${lastLine(output) || lastLine(state?.stderr ?? '')}`,
        )
      await sleep(POLL_MS)
    }
  }

  async function untilRestarted(limitMs: number): Promise<void> {
    const late = sleep(limitMs, 'late' as const, { ref: false })
    const code = await Promise.race([ended, late])
    if (code !== REBOOT_EXIT_CODE) throw new Error(`the PC does not restart (${code}): ${output}`)
    start()
    await untilBooted()
  }

  async function powerOff(): Promise<void> {
    const pid = await leader()
    if (pid !== null) process.kill(pid, 'SIGKILL')
    await Promise.race([ended, sleep(END_LIMIT_MS, null, { ref: false })])
    container?.kill('SIGKILL')
    // nspawn leaves these behind if /run is not in memory.
    for (const name of ['propagate', 'unix-export'])
      await fs.rmdir(`/run/systemd/nspawn/${name}/${machine}`).catch(() => undefined)
  }

  async function close(): Promise<void> {
    await powerOff()
    await fs.rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  try {
    const copy = ['-a', '--reflink=auto', template, root]
    const copied = await run('cp', copy, { timeoutMs: COPY_TIMEOUT_MS })
    if (copied.code !== 0) throw new Error(`the Debian could not be copied: ${copied.stderr}`)
    start()
    await untilBooted()
  } catch (error) {
    await close()
    throw error
  }

  return {
    /** The path of a PC's file on this computer. */
    file: (inside: string): string => path.join(root, inside),
    exec,
    /** Runs one line as if typed into a root shell in /root. */
    sh: (line: string, timeoutMs = COMMAND_TIMEOUT_MS) =>
      exec(['sh', '-c', `cd /root && ${line}`], timeoutMs),
    /** Like `systemctl reboot` on the PC: stops its services in order and boots again. */
    async reboot(): Promise<void> {
      const restarted = untilRestarted(END_LIMIT_MS)
      await exec(['systemctl', 'reboot'])
      await restarted
    },
    /** Waits until something on the PC has restarted it and it is up again. @throws Error after `limitMs` */
    untilRestarted,
    /** Like a power cut, followed by pressing the power button. */
    async cutPower(): Promise<void> {
      await powerOff()
      start()
      await untilBooted()
    },
    close,
  }
}
