/**
 * Locks of the package managers. Not every tool waits for every one of them: apt-get waits for dpkg's and fails at its own, dpkg
 * waits for none, rpm waits without end. They are waited for before a tool starts. Linux lists who holds which in /proc/locks.
 */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { wait } from '../../lib/wait.ts'

/** Another program may be installing: so long it is waited for. */
export const LOCK_WAIT_MS = 600_000
const POLL_MS = 500

/** apt-get's are not here: it is given a folder of its own for archives, and reads lists without a lock. */
export const DEB_LOCKS = [
  '/var/lib/dpkg/lock-frontend',
  '/var/lib/dpkg/lock',
  '/var/lib/dpkg/triggers/Lock',
  '/var/cache/debconf/config.dat',
  '/var/cache/debconf/passwords.dat',
]
export const RPM_LOCKS = ['/var/lib/rpm/.rpm.lock', '/usr/lib/sysimage/rpm/.rpm.lock']

type Lock = { pid: number; inode: string }

/** Lines of /proc/locks (proc(5)): those that somebody holds for writing. One that waits has a `->`. */
export const parseLocks = (text: string): Lock[] =>
  text.split('\n').flatMap((line) => {
    const match =
      /^\d+: (?:POSIX|FLOCK|OFDLCK)\s+\S+\s+WRITE\s+(-?\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line)
    return match ? [{ pid: Number(match[1]), inode: match[2]! }] : []
  })

async function nameOf(pid: number): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  return name.trim() || 'a program'
}

export type Holder = { file: string; program: string }

/** Who holds one of these files; null: nobody, as far as can be told. */
async function holderOf(files: readonly string[]): Promise<Holder | null> {
  const locks = parseLocks(await readFile('/proc/locks', 'utf8').catch(() => ''))
  if (locks.length === 0) return null
  for (const file of files) {
    const found = await stat(file, { bigint: true }).catch(() => null)
    const lock = found && locks.find(({ inode }) => inode === String(found.ino))
    if (lock) return { file, program: await nameOf(lock.pid) }
  }
  return null
}

/**
 * Waits until nobody holds these.
 * @param root put before their paths
 * @returns null once they are free, else who holds one when the time is up
 * @throws the signal's reason
 */
export async function waitForLocks(
  files: readonly string[],
  options: { root?: string | null; timeoutMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<Holder | null> {
  const { root = null, timeoutMs = LOCK_WAIT_MS, signal } = options
  const paths = files.map((file) => (root === null ? file : join(root, file)))
  const until = performance.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    const holder = await holderOf(paths)
    if (holder === null || performance.now() >= until) return holder
    await wait(POLL_MS, signal)
  }
}

export const busyMessage = ({ program, file }: Holder): string =>
  `Another program is installing or removing software on this PC, and did not finish in time: ${program} holds ${file}.`
