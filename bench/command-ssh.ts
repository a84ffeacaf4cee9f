/**
 * The reference of the benchmark `command`: the same script over kept ssh connections to this computer. The server has a
 * free port of the loopback interface and keys of its own, and ends with the benchmark.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { run } from '../build/support/run.ts'
import { until } from '#shared/test-kit/until.ts'

const SSHD = '/usr/sbin/sshd'
const INSTALL_LIMIT_MS = 180_000
const LIMIT_MS = 60_000

export type SshReference = {
  /** Runs the script once on each of the first `count` connections, together. @returns the time until all have ended */
  runOn: (count: number) => Promise<number>
  stop: () => Promise<void>
}

/** Installs the server as root, without starting it as a service (policy of invoke-rc.d in runlevel 1). */
async function hasServer(): Promise<boolean> {
  if (existsSync(SSHD)) return true
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false
  const env = { ...process.env, RUNLEVEL: '1', DEBIAN_FRONTEND: 'noninteractive' }
  const options = { env, timeoutMs: INSTALL_LIMIT_MS }
  await run('apt-get', ['update', '-qq'], options)
  await run(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', 'openssh-server'],
    options,
  )
  return existsSync(SSHD)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))

async function checked(file: string, args: string[]): Promise<void> {
  const { code, stderr } = await run(file, args, { timeoutMs: LIMIT_MS })
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${stderr}`)
}

/** Null without sshd. @param script is passed to `sh` on standard input */
export async function startSshReference(
  connections: number,
  script: string,
): Promise<SshReference | null> {
  if (!(await hasServer())) return null
  const folder = mkdtempSync(join(tmpdir(), 'deployx-ssh-'))
  const place = (name: string): string => join(folder, name)
  const port = await freePort()
  for (const key of ['host', 'user'])
    await checked('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', place(key)])
  const publicKey = (name: string): string => readFileSync(place(`${name}.pub`), 'utf8')
  writeFileSync(place('authorized'), publicKey('user'), { mode: 0o600 })
  writeFileSync(place('known'), `[127.0.0.1]:${port} ${publicKey('host')}`)
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${place('host')}`,
    `AuthorizedKeysFile ${place('authorized')}`,
    `PidFile ${place('pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'MaxStartups 100',
  ]
  writeFileSync(place('sshd_config'), `${lines.join('\n')}\n`)
  // As root sshd needs its folder, which the service's start would create.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const server = spawn(SSHD, ['-D', '-e', '-f', place('sshd_config')], { stdio: 'ignore' })
  const serverEnded = ended(server).catch(() => null)
  const options = ['-F', 'none', '-i', place('user'), '-p', String(port), '-o', 'BatchMode=yes']
  options.push('-o', `UserKnownHostsFile=${place('known')}`)
  const { username } = userInfo()
  const sshTo = (i: number, ...more: string[]): string[] => [
    ...options,
    '-S',
    place(`c${i}`),
    ...more,
    `${username}@127.0.0.1`,
  ]
  const all = (work: (i: number) => Promise<void>, count: number): Promise<void[]> =>
    Promise.all(Array.from({ length: count }, (_, i) => work(i)))

  const reference: SshReference = {
    async runOn(count) {
      const startedAt = performance.now()
      await all(async (i) => {
        const child = spawn('ssh', [...sshTo(i), 'sh', '-s'], {
          stdio: ['pipe', 'ignore', 'inherit'],
        })
        child.stdin.end(script)
        if ((await ended(child)) !== 0) throw new Error('a command over ssh failed')
      }, count)
      return performance.now() - startedAt
    },
    async stop() {
      await all(
        (i) => run('ssh', sshTo(i, '-O', 'exit'), { timeoutMs: LIMIT_MS }).then(() => undefined),
        connections,
      )
      server.kill('SIGTERM')
      await serverEnded
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    await until('sshd', () => existsSync(place('pid')), { limitMs: LIMIT_MS })
    for (let i = 0; i < connections; i++)
      await checked('ssh', sshTo(i, '-M', '-f', '-N', '-o', 'ControlPersist=yes'))
    return reference
  } catch (error) {
    await reference.stop()
    throw error
  }
}
