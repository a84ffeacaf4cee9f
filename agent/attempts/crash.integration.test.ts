/** Whichever process is killed, and whenever: the installer runs once, and its result arrives once. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AttemptId } from '#shared/domain/ids.ts'
import { startTestHub } from '../test-kit/hub.ts'
import { serveBytes } from '../test-kit/serve-bytes.ts'
import { countingScript, countRuns, isPidAlive, setStage, type Stage } from '../test-kit/stage.ts'
import type { AgentProcess } from '../test-kit/agent-process.ts'

let stage: Stage
let agent: AgentProcess
beforeEach(async () => {
  stage = await setStage()
  agent = await stage.connect()
})
afterEach(async () => {
  await stage.clear()
})

async function killAndRestart(): Promise<void> {
  await agent.kill('SIGKILL')
  await stage.hub.until('the link is lost', () => !stage.hub.isConnected())
  agent = await stage.connect(['--install-root', stage.rootPath])
}
const resultsOf = (attemptId: AttemptId) =>
  stage.hub.reports.deployment_result.filter((result) => result.attempt_id === attemptId)
/** Long enough for a second result to arrive, if there were one. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 1_500))
/** A script that writes this many numbered lines, ten per second. */
const numberedLines = (lines: number): Buffer =>
  countingScript('i=0', `while [ $i -lt ${lines} ]; do i=$((i+1)); echo "line $i"; sleep 0.1; done`)
const linesUpTo = (lines: number): string =>
  Array.from({ length: lines }, (_, i) => `line ${i + 1}\n`).join('')
const script = numberedLines(20)
const allLines = linesUpTo(20)

describe('an agent that is killed', () => {
  it('resumes a download where it was, and reports once', async () => {
    const { hub } = stage
    const script = Buffer.concat([
      countingScript('exit 0'),
      Buffer.from(`# ${randomBytes(3 * 1024 * 1024).toString('hex')}\n`),
    ])
    const command = hub.payload({ content: script })
    const requested: number[] = []
    hub.content.set(
      command.url,
      serveBytes(script, (_request, response, from) => {
        requested.push(from)
        if (requested.length > 1) return false
        response.writeHead(200, { 'content-length': script.length })
        response.write(script.subarray(0, 4 * 1024 * 1024))
        return true
      }),
    )
    await hub.deploy(command)
    await hub.until('a part of the package is on disk', () =>
      hub.reports.deployment_progress.some((progress) => (progress.bytes ?? 0) > 1024 * 1024),
    )
    await killAndRestart()
    expect(hub.hellos[1]!.attempts).toEqual([command.attempt_id])
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(requested).toHaveLength(2)
    expect(requested[1]).toBeGreaterThan(1024 * 1024)
    await settle()
    expect(resultsOf(command.attempt_id)).toHaveLength(1)
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('resumes a running installer: one run, the complete output, each piece once', async () => {
    const { hub } = stage
    const waits = 'while [ ! -e "$DEPLOYX_INSTALL_ROOT/go" ]; do sleep 0.05; done'
    const command = hub.payload({
      content: countingScript('echo "before the kill"', waits, 'echo "after it"'),
    })
    await hub.deploy(command)
    await hub.until('some output', () => (hub.outputOf(command) ?? '').includes('before'))
    await killAndRestart()
    expect(hub.hellos[1]!.attempts).toEqual([command.attempt_id])
    await hub.until('the installer is adopted', () =>
      hub.reports.deployment_progress.some((progress) => progress.reason === 'adopted'),
    )
    writeFileSync(join(stage.rootPath, 'go'), '')
    expect(await hub.result(command)).toMatchObject({ status: 'success', exit_code: 0 })
    expect(hub.outputOf(command)).toBe('before the kill\nafter it\n')
    await settle()
    expect(resultsOf(command.attempt_id)).toHaveLength(1)
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('runs the installer once and reports once, even if it is killed repeatedly at any moment', async () => {
    const { hub } = stage
    const command = hub.payload({ content: script })
    await hub.deploy(command)
    for (const waitMs of [0, 30, 100, 250, 400]) {
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      await killAndRestart()
    }
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(hub.outputOf(command)).toBe(allLines)
    await settle()
    expect(resultsOf(command.attempt_id)).toHaveLength(1)
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('reports how an installer ended while the agent was not running', async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript('sleep 0.5', 'echo late', 'exit 4') })
    await hub.deploy(command)
    await hub.until('it runs', () => countRuns(stage.rootPath) === 1)
    await agent.kill('SIGKILL')
    await hub.until('the installer has ended', () =>
      existsSync(join(stage.attemptFolder(command.attempt_id), 'exit.json')),
    )
    agent = await stage.connect(['--install-root', stage.rootPath])
    expect(await hub.result(command)).toMatchObject({ status: 'failed', exit_code: 4 })
    expect(hub.outputOf(command)).toBe('late\n')
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('leaves the installer running, even after SIGTERM', async () => {
    const { hub } = stage
    const command = hub.payload({ content: script })
    await hub.deploy(command)
    await hub.until('some output', () => (hub.outputOf(command) ?? '').includes('line 2\n'))
    expect(await agent.kill('SIGTERM')).toBe(0)
    agent = await stage.connect(['--install-root', stage.rootPath])
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(hub.outputOf(command)).toBe(allLines)
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('treats a half-written last journal record as not written', async () => {
    const { hub } = stage
    const command = hub.payload({ content: script })
    await hub.deploy(command)
    await hub.until('it runs', () => countRuns(stage.rootPath) === 1)
    await agent.kill('SIGKILL')
    appendFileSync(join(stage.statePath, 'journal.log'), '0badc0de {"t":"acknowl')
    await hub.until('the link is lost', () => !hub.isConnected())
    agent = await stage.connect(['--install-root', stage.rootPath])
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(1)
  })
})

type Pid = { pid: number }
describe('a supervisor that is killed', () => {
  async function killSupervisor(attemptId: AttemptId): Promise<void> {
    const supervisor = await stage.hub.until('a supervisor', () =>
      stage.readAttemptFile<Pid>(attemptId, 'supervisor.json'),
    )
    await stage.hub.until('the installer runs', () =>
      stage.readAttemptFile(attemptId, 'installer.json'),
    )
    process.kill(supervisor.pid, 'SIGKILL')
  }

  it('leaves an installer that is waited for; without a rule, its result is unknown', async () => {
    const { hub } = stage
    const command = hub.payload({ content: numberedLines(50) })
    await hub.deploy(command)
    await killSupervisor(command.attempt_id)
    const result = await hub.result(command)
    expect(result).toMatchObject({ status: 'failed', reason: 'interrupted' })
    expect(result.message).toContain('its exit code is not known')
    expect(hub.outputOf(command)).toBe(linesUpTo(50))
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('is replaced by the detection rule if there is one, even if the agent is killed as well', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript('sleep 2', 'touch "$DEPLOYX_INSTALL_ROOT/tool"'),
      detection: { type: 'file', path: '/tool' },
    })
    await hub.deploy(command)
    await killSupervisor(command.attempt_id)
    await killAndRestart()
    expect(await hub.result(command)).toMatchObject({
      status: 'success',
      message:
        'Installed: the installer was interrupted and its exit code is not known, but the detection rule finds the software.',
    })
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('leaves its time limit to the agent', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript('echo $$ > "$DEPLOYX_INSTALL_ROOT/pid"', 'sleep 300'),
      timeout_seconds: 2,
    })
    await hub.deploy(command)
    await killSupervisor(command.attempt_id)
    expect(await hub.result(command)).toMatchObject({ reason: 'timeout' })
    const pid = Number(readFileSync(join(stage.rootPath, 'pid'), 'utf8'))
    expect(isPidAlive(pid)).toBe(false)
  })
})

describe('a result', () => {
  it('is stored and sent until the hub has acknowledged it, despite refusals, missing answers and a restart', async () => {
    const { hub } = stage
    let refusals = 0
    hub.behaviour.answer = (event) => {
      if (event !== 'deployment_result') return { committed: true }
      refusals++
      return { committed: false, message: 'the store is busy' }
    }
    const command = hub.payload({ content: countingScript('echo hi') })
    await hub.deploy(command)
    await hub.until('two refusals', () => refusals >= 2)
    expect(stage.attemptFolders()).toEqual([command.attempt_id])

    hub.behaviour.answer = (event) => (event === 'deployment_result' ? null : { committed: true })
    await killAndRestart()
    expect(hub.hellos[1]!.attempts).toEqual([command.attempt_id])
    hub.behaviour.answer = () => ({ committed: true })
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    await hub.until('its folder is removed', () => stage.attemptFolders().length === 0)
    expect(hub.outputOf(command)).toBe('hi\n')
    expect(countRuns(stage.rootPath)).toBe(1)
  })
})

describe('a hub that becomes unreachable', () => {
  it('gets output and result of a running installer when it is back', async () => {
    const { hub } = stage
    const command = hub.payload({ content: script })
    await hub.deploy(command)
    await hub.until('some output', () => (hub.outputOf(command) ?? '').includes('line 3\n'))
    await hub.stop()
    const before = hub.outputOf(command)!
    await hub.until('the installer has ended', () =>
      stage.readAttemptFile(command.attempt_id, 'exit.json'),
    )
    const back = await startTestHub({ successorOf: hub, port: hub.port })
    try {
      expect(await back.result(command)).toMatchObject({ status: 'success' })
      expect(back.hellos[0]!.attempts).toEqual([command.attempt_id])
      const rest = back.reports.deployment_output.map((piece) => piece.text).join('')
      expect(allLines.startsWith(before)).toBe(true)
      expect(before + rest === allLines || rest.endsWith(allLines.slice(before.length))).toBe(true)
      expect(countRuns(stage.rootPath)).toBe(1)
    } finally {
      await back.stop()
    }
  })

  it('is waited for during a download, which then resumes where it was', async () => {
    const { hub } = stage
    const script = Buffer.concat([
      countingScript('exit 0'),
      Buffer.from(`# ${randomBytes(2 * 1024 * 1024).toString('hex')}\n`),
    ])
    const command = hub.payload({ content: script })
    hub.content.set(command.url, (_request, response) => {
      response.writeHead(200, { 'content-length': script.length })
      response.write(script.subarray(0, 3 * 1024 * 1024))
    })
    await hub.deploy(command)
    await hub.until('a part of it is there', () =>
      hub.reports.deployment_progress.some((progress) => (progress.bytes ?? 0) > 1024 * 1024),
    )
    await hub.stop()
    // Longer than three tries would take, if they did not wait for the hub.
    await new Promise((resolve) => setTimeout(resolve, 7_000))
    const back = await startTestHub({ successorOf: hub, port: hub.port })
    const requests: number[] = []
    back.content.set(
      command.url,
      serveBytes(script, (_request, _response, from) => {
        requests.push(from)
        return false
      }),
    )
    try {
      expect(await back.result(command)).toMatchObject({ status: 'success' })
      expect(requests).toHaveLength(1)
      expect(requests[0]).toBeGreaterThan(1024 * 1024)
      expect(countRuns(stage.rootPath)).toBe(1)
    } finally {
      await back.stop()
    }
  })
})
