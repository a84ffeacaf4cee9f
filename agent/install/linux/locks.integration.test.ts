/** Real locks, held by another process. Linux with flock(1). */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deviceOfMount, parseLocks, waitForLocks } from './locks.ts'

const mayRun = process.platform === 'linux' && spawnSync('flock', ['--version']).status === 0
if (!mayRun) process.stderr.write('SKIPPED: locks of package managers (needs Linux and flock)\n')

let folder: string
let holder: ChildProcess | null
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-locks-'))
  writeFileSync(join(folder, 'lock'), '')
  holder = null
})
afterEach(() => {
  holder?.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

it('are read from /proc/locks, without waiting processes', () => {
  const text = `1: POSIX  ADVISORY  WRITE 77 fd:01:1234 0 EOF
1: -> POSIX  ADVISORY  WRITE 78 fd:01:1234 0 EOF
2: FLOCK  ADVISORY  READ 79 fd:01:99 0 EOF
3: FLOCK  ADVISORY  WRITE 80 fd:01:55 0 EOF
`
  expect(parseLocks(text)).toEqual([
    { pid: 77, device: '253:1', inode: '1234' },
    { pid: 80, device: '253:1', inode: '55' },
  ])
})

it('find the device of a mount by its id', () => {
  const mountinfo = `22 1 253:1 / / rw,relatime - ext4 /dev/vda1 rw
220 22 0:45 / /run/lock rw - tmpfs tmpfs rw
`
  expect(deviceOfMount(mountinfo, '22')).toBe('253:1')
  expect(deviceOfMount(mountinfo, '220')).toBe('0:45')
  expect(deviceOfMount(mountinfo, '2')).toBeNull()
})

describe.runIf(mayRun)('a lock that another program holds', () => {
  /** Holds the lock until its input ends. */
  async function hold(file = join(folder, 'lock')): Promise<() => void> {
    const script = `exec 9>>"$0" && flock 9 && echo held && read -r end`
    const child = spawn('sh', ['-c', script, file])
    holder = child
    await once(child.stdout, 'data')
    return () => child.stdin.end('\n')
  }

  it('is waited for', async () => {
    const release = await hold()
    let waits = 0
    const onWait = (): void => void waits++
    const waiting = waitForLocks(['/lock'], { root: folder, timeoutMs: 60_000, onWait })
    const first = await Promise.race([waiting, new Promise((r) => setImmediate(r, 'waits'))])
    expect(first).toBe('waits')
    await vi.waitFor(() => expect(waits).toBe(1))
    release()
    expect(await waiting).toBeNull()
    expect(waits, 'onWait was called once').toBe(1)
  })

  it('is named if it is not released in time, and is no longer waited for once the attempt is cancelled', async () => {
    await hold()
    expect(await waitForLocks(['/lock'], { root: folder, timeoutMs: 1 })).toMatchObject({
      file: join(folder, 'lock'),
    })
    const cancel = new AbortController()
    const waiting = waitForLocks(['/lock'], { root: folder, signal: cancel.signal })
    cancel.abort(new Error('cancelled'))
    await expect(waiting).rejects.toThrow('cancelled')
  })

  it('is not confused with one on a file with the same inode on another file system', async (context) => {
    const disks = ['a', 'b'].map((name) => join(folder, name))
    const unmount = (): void => disks.forEach((disk) => void spawnSync('umount', ['--lazy', disk]))
    try {
      for (const disk of disks) {
        mkdirSync(disk)
        if (spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', disk]).status !== 0) return context.skip()
        writeFileSync(join(disk, 'lock'), '')
      }
      const [one, other] = disks.map((disk) => statSync(join(disk, 'lock')).ino)
      if (one !== other) return context.skip()
      await hold(join(disks[0]!, 'lock'))
      expect(await waitForLocks(['/b/lock'], { root: folder, timeoutMs: 1 })).toBeNull()
      expect(await waitForLocks(['/a/lock'], { root: folder, timeoutMs: 1 })).not.toBeNull()
    } finally {
      holder?.kill('SIGKILL')
      unmount()
    }
  })

  it('is free if nobody holds it, or if it does not exist', async () => {
    expect(await waitForLocks(['/lock', '/none'], { root: folder, timeoutMs: 1 })).toBeNull()
  })
})
