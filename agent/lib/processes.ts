/**
 * Identifies processes so that a reused process id is never mistaken for the original: process id, start time
 * and boot. Linux has all of it in /proc, Windows provides the start time through the helper; elsewhere only
 * the process id is available.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { windowsHelper } from './windows-helper.ts'

export const ProcessId = z.object({
  pid: z.number().int().positive(),
  /**
   * Linux: clock ticks between boot and its start (field 22 of /proc/PID/stat). Windows: its creation time
   * (FILETIME). Null if unknown.
   */
  start: z.string().nullable(),
  boot: z.string().nullable(),
})
export type ProcessId = z.infer<typeof ProcessId>

type Stat = {
  pid: number
  parent: number
  group: number
  session: number
  start: string
  dead: boolean
}

/** The fields after the name, which may itself contain spaces and parentheses (proc(5)). */
export function parseStat(text: string): Stat | null {
  const rest = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const pid = Number.parseInt(text, 10)
  if (rest.length < 20 || !Number.isInteger(pid)) return null
  const [state, parent, group, session] = rest
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    start: rest[19]!,
    dead: state === 'Z' || state === 'X',
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

function statOf(pid: number): Stat | null {
  const text = read(`/proc/${pid}/stat`)
  return text === null ? null : parseStat(text)
}

const bootId = (): string | null => read('/proc/sys/kernel/random/boot_id')?.trim() ?? null

const HELPER_TIMEOUT_MS = 10_000
/**
 * On Windows, a process that was just confirmed is not checked again for this long: a check starts a process.
 */
const TRUSTED_MS = 10_000
const seenAlive = new Map<string, number>()

/** Its creation time; `gone` if there is no such process, null if unknown. */
function windowsStart(pid: number): string | null {
  const helper = windowsHelper()
  if (helper === null) return null
  const { status, stdout } = spawnSync(helper, ['started', String(pid)], {
    timeout: HELPER_TIMEOUT_MS,
    windowsHide: true,
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  if (status === 2) return 'gone'
  return status === 0 ? (/^\d+/.exec(stdout)?.[0] ?? null) : null
}

function isSameOnWindows(id: ProcessId, now: number): boolean {
  const key = `${id.pid} ${id.start}`
  if (now - (seenAlive.get(key) ?? -Infinity) < TRUSTED_MS) return true
  seenAlive.clear()
  const start = windowsStart(id.pid)
  if (start !== null && start !== id.start) return false
  seenAlive.set(key, now)
  return true
}

/** Identifies a running process. */
export const identify = (pid: number): ProcessId => ({
  pid,
  start: process.platform === 'win32' ? windowsStart(pid) : (statOf(pid)?.start ?? null),
  boot: bootId(),
})

/** Whether the PC is still in the boot in which this process was started. False if that is unknown. */
export const isOfThisBoot = (id: ProcessId): boolean => id.boot !== null && id.boot === bootId()

/** Whether that very process is still running; a zombie does not count. */
export function isAlive(id: ProcessId): boolean {
  if (id.boot !== null) {
    if (id.boot !== bootId()) return false
    const stat = statOf(id.pid)
    return stat !== null && !stat.dead && (id.start === null || stat.start === id.start)
  }
  try {
    process.kill(id.pid, 0)
    if (process.platform !== 'win32' || id.start === null) return true
    return isSameOnWindows(id, performance.now())
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function allStats(): Stat[] {
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null
    return stat && !stat.dead ? [stat] : []
  })
}

const toId = (stat: Stat): ProcessId => ({ pid: stat.pid, start: stat.start, boot: bootId() })

/**
 * Whether a process was started with this line in its environment. Limited to what this user may see. Linux
 * only.
 */
function isMarked(pid: number, marker: string): boolean {
  return read(`/proc/${pid}/environ`)?.split('\0').includes(marker) ?? false
}

/** Processes started with this line in their environment, oldest first. Linux only, else empty. */
export function findMarked(marker: string): ProcessId[] {
  return allStats()
    .filter((stat) => isMarked(stat.pid, marker))
    .sort((a, b) => Number(a.start) - Number(b.start))
    .map(toId)
}

const PS_LIMIT_BYTES = 64 * 1024 * 1024

/** macOS: ps shows root the environment of processes, except for those protected by the system. */
function markedOnMacos(marker: string): ProcessId[] {
  const { stdout } = spawnSync('/bin/ps', ['-A', '-E', '-ww', '-o', 'pid=,command='], {
    timeout: HELPER_TIMEOUT_MS,
    encoding: 'latin1',
    maxBuffer: PS_LIMIT_BYTES,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return (stdout ?? '').split('\n').flatMap((line) => {
    const pid = Number.parseInt(line, 10)
    return line.split(' ').includes(marker) && pid > 0 ? [{ pid, start: null, boot: null }] : []
  })
}

/** Whether the installer's job still has members, according to the helper. The job's name exists for a quarter of an hour. */
function hasBusyJob(job: string): boolean {
  const helper = windowsHelper()
  if (helper === null) return false
  const options = { timeout: HELPER_TIMEOUT_MS, windowsHide: true, stdio: 'ignore' as const }
  return spawnSync(helper, ['busy', job], options).status === 0
}

/**
 * Whether anything is still running of an installer that has ended: processes with its marker, on Linux also
 * its group, its session and their children, some of which may have cleared their environment, and on Windows
 * the members of its job.
 * @param root the installer's process id, or null
 */
export function hasLeftBehind(marker: string, root: number | null): boolean {
  if (process.platform === 'win32') return hasBusyJob(marker.slice(marker.indexOf('=') + 1))
  if (process.platform === 'darwin') return markedOnMacos(marker).length > 0
  return (root === null ? findMarked(marker) : findFamily(root, marker)).length > 0
}

/**
 * A process and everything it started: its group, its session, its descendants, and processes with its marker
 * that left all three. Linux only, else empty. Never this process.
 */
export function findFamily(root: number, marker: string): ProcessId[] {
  const stats = allStats()
  const family = new Set<number>([root])
  for (const stat of stats)
    if (stat.group === root || stat.session === root || isMarked(stat.pid, marker))
      family.add(stat.pid)
  for (let grown = true; grown;) {
    grown = false
    for (const stat of stats)
      if (family.has(stat.parent) && !family.has(stat.pid)) {
        family.add(stat.pid)
        grown = true
      }
  }
  family.delete(process.pid)
  return stats.filter((stat) => family.has(stat.pid)).map(toId)
}
