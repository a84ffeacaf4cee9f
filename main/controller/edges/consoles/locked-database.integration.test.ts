/**
 * Another program locks the database for seconds: the hub keeps running, no report is lost, and a request that waits too long
 * is refused with E_BUSY.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WireError } from '#shared/contract/errors.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const require = createRequire(import.meta.url)
/** Long enough for the pauses of a loaded test machine; SQLite's own wait would block the event loop for 5 s or more. */
const LONGEST_PAUSE_MS = 2_000

let t: TestController
let other: ChildProcess | null
beforeEach(async () => {
  other = null
  t = await startTestController()
})
afterEach(async () => {
  other?.kill('SIGKILL')
  await t.stop()
})

/** Locks the database for writing from another process, until the returned function is called. */
async function lockDatabase(how = 'BEGIN EXCLUSIVE'): Promise<() => Promise<void>> {
  const script = `const db = new (require(${JSON.stringify(require.resolve('better-sqlite3'))}))(process.argv[1])
    db.exec(${JSON.stringify(how)})
    console.log('locked')
    process.stdin.on('data', () => { db.close(); process.exit() })`
  const program = spawn(process.execPath, ['--eval', script, join(t.dataDir, 'deployx.db')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  other = program
  await once(program.stdout, 'data')
  return async () => {
    const ended = once(program, 'exit')
    program.stdin.write('\n')
    await ended
  }
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const progressOf = (id: DeploymentId) => t.rest.call('deployments.progress', { params: { id } })

describe('while another program has locked the database', () => {
  it('the event loop is not blocked, reports are acknowledged only after the commit, and none is lost', async () => {
    const tool = await t.addScript('tool')
    const identities = await Promise.all([1, 2, 3].map((n) => t.enroll(`PC-${n}`)))
    const agents = await Promise.all(identities.map((identity) => t.connect(identity)))
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: {
        name: 'd',
        software_ids: [tool.id],
        device_ids: identities.map(({ deviceId }) => deviceId),
      },
    })
    await expect.poll(() => agents.every((agent) => agent.commands.length === 1)).toBe(true)
    const release = await lockDatabase()
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    let acknowledged = 0
    const results = agents.map(async (agent) => {
      const reply = await agent.result(agent.commands[0] as never, {})
      acknowledged++
      return reply
    })
    const startMs = performance.now()
    const write = t.rest.raw('POST', '/groups', { name: 'too early' })
    // Reads continue.
    while (performance.now() - startMs < 3_000) {
      expect((await t.rest.raw('GET', '/devices')).status).toBe(200)
      await sleep(100)
    }
    expect((await progressOf(id)).completed).toBe(0)
    expect(acknowledged).toBe(0)
    const refused = await write
    expect(refused.status).toBe(503)
    expect((refused.body as { error: WireError }).error.code).toBe('E_BUSY')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    // A sign-in that starts now waits for the end of the lock.
    const body = { username: 'anna', password: 'correct horse' }
    const signIn = t.anonymous.call('auth.login', { body })
    await sleep(1_000)
    await release()
    const replies = await Promise.all(results)
    delay.disable()
    for (const reply of replies) expect(reply).toMatchObject({ committed: true })
    expect((await signIn).token).toBeTruthy()
    await expect.poll(async () => (await progressOf(id)).status).toBe('completed')
    expect(delay.max / 1e6).toBeLessThan(LONGEST_PAUSE_MS)
    expect((await t.rest.raw('POST', '/groups', { name: 'in time' })).status).toBe(200)
  })

  it('a connecting PC is admitted when the lock ends, and gets its work', async () => {
    const tool = await t.addScript('tool')
    const [here, late] = [await t.enroll('PC-1'), await t.enroll('PC-2')]
    const agent = await t.connect(here)
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: {
        name: 'd',
        software_ids: [tool.id],
        device_ids: [here.deviceId, late.deviceId],
        offline_policy: 'wait',
      },
    })
    await expect.poll(() => agent.commands.length).toBe(1)
    const release = await lockDatabase()
    const coming = t.connect(late)
    const reply = agent.result(agent.commands[0] as never, {})
    await sleep(1_500)
    expect((await progressOf(id)).completed).toBe(0)
    await release()
    expect(await reply).toMatchObject({ committed: true })
    const second = await coming
    await expect.poll(() => second.commands.length).toBe(1)
    await second.result(second.commands[0] as never, {})
    await expect.poll(async () => (await progressOf(id)).status).toBe('completed')
  })

  it('a write waits for a short lock and succeeds', async () => {
    const release = await lockDatabase('BEGIN IMMEDIATE')
    const write = t.rest.raw('POST', '/groups', { name: 'patient' })
    const ready = await Promise.race([write, sleep(500).then(() => 'waits')])
    expect(ready).toBe('waits')
    await release()
    expect((await write).status).toBe(200)
  })
})
