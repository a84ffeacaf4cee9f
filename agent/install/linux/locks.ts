/**
 * Locks of the package managers. Not every tool waits for every lock: apt-get waits for dpkg's and fails on
 * its own, dpkg waits for none, rpm waits forever. So the agent waits for them before it starts a tool.
 * /proc/locks lists their holders.
 */
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { constants } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#shared/node/clock.ts'

/** How long to wait for another program that is installing. */
export const LOCK_WAIT_MS = 600_000
const POLL_MS = 500

/** Without apt-get's own locks: it gets a separate folder for archives, and reads lists without a lock. */
export const DEB_LOCKS = [
  '/var/lib/dpkg/lock-frontend',
  '/var/lib/dpkg/lock',
  '/var/lib/dpkg/triggers/Lock',
  '/var/cache/debconf/config.dat',
  '/var/cache/debconf/passwords.dat',
]
export const RPM_LOCKS = ['/var/lib/rpm/.rpm.lock', '/usr/lib/sysimage/rpm/.rpm.lock']

/** Identifies a file: the device (`major:minor`, decimal) of its file system, and its inode. */
type Place = { device: string; inode: string }
type Lock = Place & { pid: number }

const hexToDecimal = (text: string): number => Number.parseInt(text, 16)

/** Lines of /proc/locks (proc(5)) for write locks. A waiting process has a `->`. */
export const parseLocks = (text: string): Lock[] =>
  text.split('\n').flatMap((line) => {
    const match =
      /^\d+: (?:POSIX|FLOCK|OFDLCK)\s+\S+\s+WRITE\s+(-?\d+)\s+([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(
        line,
      )
    if (!match) return []
    const device = `${hexToDecimal(match[2]!)}:${hexToDecimal(match[3]!)}`
    return [{ pid: Number(match[1]), device, inode: match[4]! }]
  })

/** The device of the mount with this id, from /proc/self/mountinfo (proc(5)). */
export const deviceOfMount = (mountinfo: string, id: string): string | null =>
  mountinfo
    .split('\n')
    .map((line) => line.split(' ', 3))
    .find(([mount]) => mount === id)?.[2] ?? null

/**
 * The device of the file system that a file is on. Not from stat: on btrfs and overlayfs it differs from
 * /proc/locks. Null if unknown.
 */
async function deviceOf(file: string): Promise<string | null> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null)
  if (handle === null) return null
  try {
    const info = await readFile(`/proc/self/fdinfo/${handle.fd}`, 'utf8')
    const id = /^mnt_id:[ \t]*(\d+)$/m.exec(info)?.[1]
    return id === undefined
      ? null
      : deviceOfMount(await readFile('/proc/self/mountinfo', 'utf8'), id)
  } catch {
    return null
  } finally {
    await handle.close()
  }
}

async function nameOf(pid: number): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  return name.trim() || 'a program'
}

export type Holder = { file: string; program: string }

/** The lock on this file, or null. Inodes are unique within their file system only. */
async function lockOn(file: string, locks: readonly Lock[]): Promise<Lock | null> {
  const found = await stat(file, { bigint: true }).catch(() => null)
  const sameNumber = locks.filter(({ inode }) => inode === String(found?.ino))
  if (sameNumber.length === 0) return null
  const device = await deviceOf(file)
  // If the device is unknown, compare the inode only: waiting unnecessarily is better than failing.
  return sameNumber.find((lock) => device === null || lock.device === device) ?? null
}

/** The holder of one of these files; null: none, or unknown. */
async function holderOf(files: readonly string[]): Promise<Holder | null> {
  const locks = parseLocks(await readFile('/proc/locks', 'utf8').catch(() => ''))
  if (locks.length === 0) return null
  for (const file of files) {
    const lock = await lockOn(file, locks)
    if (lock) return { file, program: await nameOf(lock.pid) }
  }
  return null
}

/**
 * Waits until nobody holds these locks.
 * @param root put before their paths
 * @returns null once they are free, otherwise the holder after the timeout
 * @throws the signal's reason
 */
export async function waitForLocks(
  files: readonly string[],
  options: {
    root?: string | null
    timeoutMs?: number
    signal?: AbortSignal | undefined
    /** Called once, if it has to wait. */
    onWait?: (() => void) | undefined
  } = {},
): Promise<Holder | null> {
  const { root = null, timeoutMs = LOCK_WAIT_MS, signal } = options
  let { onWait } = options
  const paths = files.map((file) => (root === null ? file : join(root, file)))
  const until = performance.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    const holder = await holderOf(paths)
    if (holder === null || performance.now() >= until) return holder
    onWait?.()
    onWait = undefined
    await systemClock.sleep(POLL_MS, signal)
  }
}

export const lockedText = ({ program, file }: Holder): CodedText =>
  coded('packages_locked', { program, file })
