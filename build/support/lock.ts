import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

interface LockOptions {
  /** How long to wait for another holder, milliseconds. */
  waitMs: number
  /** Called once if somebody else holds the lock. */
  onWait?: () => void
  /** A lock that was not refreshed for this long belongs to a dead process, milliseconds. */
  staleMs?: number
}

/**
 * Runs `work` while holding `folder` as a lock between processes (creating a folder is atomic on every
 * platform). Detects a dead holder by its process id (same host) or its missing heartbeat, and takes over the
 * lock. @throws Error if the lock is not free within `waitMs`
 */
export async function withLock<T>(
  folder: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const staleMs = options.staleMs ?? 60_000
  const deadline = Date.now() + options.waitMs
  await fs.mkdir(path.dirname(folder), { recursive: true })
  let notified = false
  while (!(await tryAcquire(folder))) {
    if (await isStale(folder, staleMs)) {
      await removeStale(folder)
      continue
    }
    if (Date.now() > deadline) {
      throw new Error(`${folder} is still held by another process after ${options.waitMs / 1000} s`)
    }
    if (!notified) options.onWait?.()
    notified = true
    await sleep(200)
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    fs.utimes(folder, now, now).catch(() => undefined)
  }, staleMs / 4)
  heartbeat.unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    await fs.rm(folder, { recursive: true, force: true })
  }
}

async function tryAcquire(folder: string): Promise<boolean> {
  try {
    await fs.mkdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  await fs.writeFile(path.join(folder, 'owner'), `${os.hostname()} ${process.pid}`)
  return true
}

async function isStale(folder: string, staleMs: number): Promise<boolean> {
  try {
    const { mtimeMs } = await fs.stat(folder)
    if (Date.now() - mtimeMs > staleMs) return true
    const [host, pid] = (await fs.readFile(path.join(folder, 'owner'), 'utf8')).split(' ')
    return host === os.hostname() && !isAlive(Number(pid))
  } catch {
    // Just released, or just taken and the owner file not written yet: try again.
    return false
  }
}

/** Renaming makes sure that only one of several waiting processes removes a dead holder's lock. */
async function removeStale(folder: string): Promise<void> {
  const grave = `${folder}.stale-${process.pid}-${Date.now()}`
  try {
    await fs.rename(folder, grave)
  } catch {
    return
  }
  await fs.rm(grave, { recursive: true, force: true })
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
