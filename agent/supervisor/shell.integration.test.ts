/** The supervisor that is a shell: what it reports, and its stand-in when the agent has ended. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import pino from 'pino'
import { systemClock } from '#shared/node/clock.ts'
import { until } from '#shared/test-kit/until.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { createSupervisorClient } from './client.ts'
import { readClaim, readExit, type Spec } from './files.ts'

const self = {
  file: process.execPath,
  args: [join(import.meta.dirname, '..', 'main.ts')],
}
let place: ReturnType<typeof makeFolder>
let folder: string
beforeEach(() => {
  place = makeFolder()
  folder = join(place.path, 'records')
  mkdirSync(folder)
})
afterEach(() => place.remove())

const specOf = (script: string, part: Partial<Spec> = {}): Spec => ({
  attempt_id: 'a'.repeat(32),
  command: { file: '/bin/sh', args: ['-c', script], verbatim: false },
  env: { PATH: '/usr/bin:/bin', DEPLOYX_ATTEMPT_ID: 'a'.repeat(32) },
  cwd: place.path,
  timeout_seconds: 60,
  grace_ms: 200,
  start: 1,
  ...part,
})
/** As an agent does it. Aborting `agent` ends that agent. */
function begin(spec: Spec, agent = new AbortController()) {
  const client = createSupervisorClient({
    self,
    clock: systemClock,
    log: pino({ level: 'silent' }),
  })
  client.prepare(folder, spec)
  client.start(folder)
  return client.waitForEnd(folder, spec, () => undefined, agent.signal)
}
const output = (): string => readFileSync(join(folder, 'output.log'), 'latin1')

describe.skipIf(process.platform === 'win32')('a shell as the supervisor', () => {
  it.each([
    ['exit 42', { exit_code: 42, signal: null }],
    // What a shell returns after SIGTERM.
    ['exit 143', { exit_code: 143, signal: null }],
    ['kill -9 $$', { exit_code: null, signal: 'SIGKILL' }],
    ['kill -11 $$', { exit_code: null, signal: 'SIGSEGV' }],
  ])('reports the end of `%s`', async (script, exit) => {
    const ending = await begin(specOf(`echo out; echo err >&2; ${script}`))
    expect(ending).toMatchObject({ kind: 'exited', exit })
    expect(readExit(folder)).toMatchObject(exit)
    expect(readClaim(folder)).toHaveProperty('record')
    expect(output()).toBe('out\nerr\n')
  })

  it.each([
    ['/nonexistent', 'ENOENT'],
    ['/etc/passwd', 'EACCES'],
  ])('reports that %s cannot be started', async (file, code) => {
    const command = { file, args: [], verbatim: false }
    expect(await begin(specOf('', { command }))).toMatchObject({
      kind: 'exited',
      exit: { exit_code: null, start_error: { code } },
    })
  })

  it('gives the installer its environment, a session and a mask of its own', async () => {
    const env = {
      PATH: '/usr/bin:/bin',
      DEPLOYX_ATTEMPT_ID: 'a'.repeat(32),
      TEXT: `it's "so" $HOME`,
    }
    const command = { file: '/usr/bin/env', args: [], verbatim: false }
    await begin(specOf('', { command, env }))
    const lines = output()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('_='))
    expect(lines.sort()).toEqual(
      Object.entries(env)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    )
  })

  it.runIf(process.platform === 'linux')('starts it as the leader of its session', async () => {
    await begin(specOf('umask; echo $$; cut -d " " -f 6 /proc/$$/stat; ps -o args= -p $PPID'))
    const [mask, pid, session, parent] = output().split('\n')
    expect([mask, session]).toEqual(['0022', pid])
    expect(parent).toContain('supervise')
  })

  it('ends it after its time limit', async () => {
    const ending = await begin(specOf('sleep 300 & sleep 300', { timeout_seconds: 1 }))
    expect(ending).toMatchObject({ kind: 'exited', exit: { timed_out: true } })
  })

  it('is ended by the agent before it starts anything', async () => {
    const client = createSupervisorClient({
      self,
      clock: systemClock,
      log: pino({ level: 'silent' }),
    })
    client.prepare(folder, specOf('echo run > runs'))
    expect(client.forbid(folder)).toBe(true)
    client.start(folder)
    const watched = specOf('')
    const ending = client.waitForEnd(folder, watched, () => undefined, new AbortController().signal)
    expect(await ending).toEqual({ kind: 'not_started' })
    expect(existsSync(join(place.path, 'runs'))).toBe(false)
  })
})

describe.skipIf(process.platform === 'win32')('an installer whose agent ends', () => {
  async function leave(spec: Spec): Promise<void> {
    const agent = new AbortController()
    const waiting = begin(spec, agent)
    await until('the installer', () => existsSync(join(place.path, 'runs')))
    agent.abort(new Error('the agent ends'))
    await expect(waiting).rejects.toThrow('the agent ends')
  }
  const exit = () => until('the end', () => readExit(folder))

  it('can write as much as it wants; everything is recorded by a stand-in', async () => {
    await leave(
      specOf('echo one; echo > runs; sleep 1; head -c 300000 /dev/zero | tr "\\0" z; exit 5'),
    )
    expect(await exit()).toMatchObject({ exit_code: 5, omitted_bytes: 0 })
    expect(output()).toBe(`one\n${'z'.repeat(300_000)}`)
  })

  it('loses nothing that it wrote before the stand-in was there', async () => {
    const waits = 'while [ ! -e go ]; do sleep 0.05; done'
    await leave(specOf(`echo > runs; ${waits}; echo one; echo two; exit 5`))
    writeFileSync(join(place.path, 'go'), '')
    expect(await exit()).toMatchObject({ exit_code: 5 })
    expect(output()).toBe('one\ntwo\n')
  })

  it('is ended after its time limit', async () => {
    await leave(specOf('echo > runs; sleep 300', { timeout_seconds: 2 }))
    expect(await exit()).toMatchObject({ timed_out: true })
  })
})
