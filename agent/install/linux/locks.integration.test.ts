/** Real locks, held by another process. Linux with flock(1). */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseLocks, waitForLocks } from './locks.ts'

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

it('are read from /proc/locks, without those who wait', () => {
  const text = `1: POSIX  ADVISORY  WRITE 77 fd:01:1234 0 EOF
1: -> POSIX  ADVISORY  WRITE 78 fd:01:1234 0 EOF
2: FLOCK  ADVISORY  READ 79 fd:01:99 0 EOF
3: FLOCK  ADVISORY  WRITE 80 fd:01:55 0 EOF
`
  expect(parseLocks(text)).toEqual([
    { pid: 77, inode: '1234' },
    { pid: 80, inode: '55' },
  ])
})

describe.runIf(mayRun)('a lock that another program holds', () => {
  /** Holds the lock until its input ends. */
  async function hold(): Promise<() => void> {
    const script = `exec 9>>"$0" && flock 9 && echo held && read -r end`
    const child = spawn('sh', ['-c', script, join(folder, 'lock')])
    holder = child
    await once(child.stdout, 'data')
    return () => child.stdin.end('\n')
  }

  it('is waited for', async () => {
    const release = await hold()
    const waiting = waitForLocks(['/lock'], { root: folder, timeoutMs: 60_000 })
    const first = await Promise.race([waiting, new Promise((r) => setImmediate(r, 'waits'))])
    expect(first).toBe('waits')
    release()
    expect(await waiting).toBeNull()
  })

  it('is named when it stays, and is no longer waited for once the attempt is cancelled', async () => {
    await hold()
    expect(await waitForLocks(['/lock'], { root: folder, timeoutMs: 1 })).toMatchObject({
      file: join(folder, 'lock'),
    })
    const cancel = new AbortController()
    const waiting = waitForLocks(['/lock'], { root: folder, signal: cancel.signal })
    cancel.abort(new Error('cancelled'))
    await expect(waiting).rejects.toThrow('cancelled')
  })

  it('that nobody holds, or that is not there, is free', async () => {
    expect(await waitForLocks(['/lock', '/none'], { root: folder, timeoutMs: 1 })).toBeNull()
  })
})
