/** The supervisor as a separate process. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder, startAgent } from '../test-kit/agent-process.ts'
import { findMarked, identify, isAlive, parseStat } from '../lib/processes.ts'
import { readExit, readSupervisor, type Spec } from './files.ts'
import { openBoundedOutput } from './bounded-output.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => folder.remove())

const writeSpec = (script: string, part: Partial<Spec> = {}): void => {
  const spec: Omit<Spec, 'start'> = {
    attempt_id: 'a'.repeat(32),
    command: { file: '/bin/sh', args: ['-c', script], verbatim: false },
    env: { PATH: '/usr/bin:/bin' },
    cwd: folder.path,
    timeout_seconds: 20,
    grace_ms: 500,
    ...part,
  }
  writeFileSync(join(folder.path, 'spec.json'), JSON.stringify(spec))
}
const supervise = () => startAgent(['supervise', folder.path]).ended

describe('a supervisor', () => {
  it('stores output and exit code', async () => {
    writeSpec('echo out; echo err >&2; exit 42')
    expect(await supervise()).toBe(0)
    expect(readFileSync(join(folder.path, 'output.log'), 'utf8')).toBe('out\nerr\n')
    expect(readExit(folder.path)).toEqual({
      exit_code: 42,
      signal: null,
      timed_out: false,
      start_error: null,
      omitted_bytes: 0,
    })
  })

  it('starts the installer once, however many supervisors there are', async () => {
    writeSpec('echo run >> runs')
    await Promise.all([supervise(), supervise(), supervise(), supervise()])
    await supervise()
    expect(readFileSync(join(folder.path, 'runs'), 'utf8')).toBe('run\n')
  })

  it('starts nothing if an agent has taken the claim', async () => {
    writeSpec('echo run >> runs')
    writeFileSync(join(folder.path, 'supervisor.json'), '{}')
    expect(await supervise()).toBe(0)
    expect(existsSync(join(folder.path, 'runs'))).toBe(false)
    expect(readSupervisor(folder.path)).toBeNull()
  })

  it('reports that a program cannot be started', async () => {
    writeSpec('', { command: { file: '/nonexistent', args: [], verbatim: false } })
    expect(await supervise()).toBe(0)
    expect(readExit(folder.path)).toMatchObject({
      exit_code: null,
      start_error: { code: 'ENOENT' },
    })
  })

  it('does nothing without a spec', async () => {
    expect(await supervise()).toBe(1)
    expect(existsSync(join(folder.path, 'supervisor.json'))).toBe(false)
  })
})

describe.skipIf(process.platform === 'win32')('the output of an installer', () => {
  const output = (): string => readFileSync(join(folder.path, 'output.log'), 'latin1')

  it('never uses more disk space than its limit, however much is written', async () => {
    writeSpec(
      'echo first; yes "a line that says nothing new" | head -c 60000000; echo last; exit 9',
    )
    expect(await supervise()).toBe(0)
    const { omitted_bytes: omitted, exit_code } = readExit(folder.path)!
    expect(exit_code).toBe(9)
    const text = output()
    expect(text.length).toBe(1024 * 1024)
    expect(text.length + omitted).toBe(60_000_000 + 'first\nlast\n'.length)
    expect(text.startsWith('first\na line')).toBe(true)
    expect(text.endsWith('last\n')).toBe(true)
  })

  it('is complete even if it arrives at the last moment', async () => {
    writeSpec('head -c 60000 /dev/zero | tr "\\0" z')
    await supervise()
    expect(output()).toBe('z'.repeat(60_000))
  })

  it('ends with the installer if it leaves a service behind; the service keeps running, and its output is discarded', async () => {
    const go = join(folder.path, 'go')
    writeSpec(
      `sh -c 'while [ ! -e ${go} ]; do sleep 0.1; done; head -c 30000000 /dev/zero && echo $? > ${join(folder.path, 'written')}' & echo started`,
    )
    const startedAt = performance.now()
    await supervise()
    expect(performance.now() - startedAt).toBeLessThan(20_000)
    expect(output()).toBe('started\n')
    writeFileSync(go, '')
    // It wrote 30 MB to the end, and was not killed by SIGPIPE.
    await expect.poll(() => existsSync(join(folder.path, 'written'))).toBe(true)
    expect(output()).toBe('started\n')
  })

  it('may be opened by its name, as scripts do', async () => {
    writeSpec('echo one > /dev/stdout; echo two >> /dev/stderr; echo three')
    await supervise()
    expect(output()).toBe('one\ntwo\nthree\n')
  })
})

describe('a bounded output', () => {
  it('keeps the beginning and the end, however it is split, and across a restart', () => {
    const file = join(folder.path, 'bounded')
    const all = Buffer.from(Array.from({ length: 1_000 }, (_, i) => 97 + (i % 26)))
    for (const size of [1, 7, 64, 999]) {
      rmSync(file, { force: true })
      let omitted = 0
      for (const [from, to] of [
        [0, 500],
        [500, 1_000],
      ] as const) {
        const out = openBoundedOutput(file, 100)
        for (let at = from; at < to; at += size)
          out.write(all.subarray(at, Math.min(at + size, to)))
        omitted += out.close()
      }
      const expected = Buffer.concat([all.subarray(0, 100), all.subarray(900)])
      expect(readFileSync(file).equals(expected)).toBe(true)
      expect(omitted).toBe(800)
    }
  })
})

describe('a process', () => {
  it('is identified by more than its process id', async () => {
    const me = identify(process.pid)
    expect(isAlive(me)).toBe(true)
    expect(isAlive({ ...me, start: '1' })).toBe(false)
    expect(isAlive({ ...me, boot: 'another boot' })).toBe(false)
    const child = spawn('sleep', ['30'], { env: { DEPLOYX_ATTEMPT_ID: 'test-marker' } })
    await new Promise((resolve) => child.once('spawn', resolve))
    const id = identify(child.pid!)
    // The new environment becomes visible a moment after the start.
    await expect
      .poll(() => findMarked('DEPLOYX_ATTEMPT_ID=test-marker').map((found) => found.pid))
      .toEqual([child.pid])
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    expect(isAlive(id)).toBe(false)
    expect(findMarked('DEPLOYX_ATTEMPT_ID=test-marker')).toEqual([])
  })

  it('may have any name', () => {
    const fields = 'S 1 42 43 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 0 0'
    expect(parseStat(`77 (a) b (c)) ${fields}`)).toEqual({
      pid: 77,
      parent: 1,
      group: 42,
      session: 43,
      start: '98765',
      dead: false,
    })
    expect(parseStat('')).toBeNull()
  })
})
