/**
 * An attempt ends with its exit code even if its installer deletes files or records of it. An attempt is
 * started again only if its installer provably never ran.
 */
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { openJournal } from '../journal/journal.ts'
import type { AgentProcess } from '../test-kit/agent-process.ts'
import { countingScript, countRuns, setStage, type Stage } from '../test-kit/stage.ts'

const silent = pino({ level: 'silent' })
let stage: Stage
let agent: AgentProcess

async function killAgent(): Promise<void> {
  await agent.kill('SIGKILL')
  await stage.hub.until('the link is lost', () => !stage.hub.isConnected())
}
async function restart(): Promise<void> {
  agent = await stage.connect(['--install-root', stage.rootPath])
}
type Pid = { pid: number }
async function killInstaller(command: DeployPayload): Promise<void> {
  const installer = await stage.hub.until('an installer', () =>
    stage.readAttemptFile<{ process: Pid }>(command.attempt_id, 'installer.json'),
  )
  const supervisor = stage.readAttemptFile<Pid>(command.attempt_id, 'supervisor.json')!
  process.kill(supervisor.pid, 'SIGKILL')
  process.kill(-installer.process.pid, 'SIGKILL')
}

describe('an installer', () => {
  beforeEach(async () => {
    stage = await setStage()
    agent = await stage.connect()
  })
  afterEach(() => stage.clear())

  it.each([
    ['its folder', 'rm -rf "$(dirname "$0")"'],
    ['its working folder', 'rm -rf "$PWD"'],
    ['the parent of its working folder', 'rm -rf "$(dirname "$PWD")"'],
    ['the folder above that parent', 'rm -rf "$(dirname "$(dirname "$PWD")")"'],
    ['its package', 'rm -f "$0"'],
  ])('that deletes %s still succeeds, and runs once', async (_what, line) => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript('echo before', line, 'cd /', 'exit 0') })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ status: 'success', exit_code: 0 })
    expect(hub.outputOf(command)).toBe('before\n')
    expect(countRuns(stage.rootPath)).toBe(1)
    // The next attempt has everything it needs.
    const next = hub.payload({ content: countingScript('exit 0') })
    await hub.deploy(next)
    expect(await hub.result(next)).toMatchObject({ status: 'success' })
  })

  it('that deletes its extracted archive still succeeds', async () => {
    const { hub } = stage
    const tar = pack()
    tar.entry(
      { name: 'app/install.sh', mode: 0o755 },
      countingScript('cd /', 'rm -rf "$(dirname "$(dirname "$0")")"').toString(),
    )
    tar.finalize()
    const pieces: Buffer[] = []
    for await (const piece of tar) pieces.push(piece as Buffer)
    const command = hub.payload({
      content: Buffer.concat(pieces),
      kind: 'tar',
      file_name: 'app.tar',
      archive: { entry: 'app/install.sh', uninstall_entry: null, expanded_bytes: 10_000 },
    })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('that deletes the records of its attempt still ends with its exit code', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript(
        'cd /',
        `rm -rf "${stage.statePath}/attempts/"*`,
        'sleep 3',
        'exit 7',
      ),
    })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ reason: 'install_failed', exit_code: 7 })
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('that deletes the records while the agent is killed still ends with its exit code', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript(
        'cd /',
        `rm -rf "${stage.statePath}/attempts/"*`,
        'until [ -e "$DEPLOYX_INSTALL_ROOT/go-on" ]; do sleep 0.1; done',
        'exit 7',
      ),
    })
    await hub.deploy(command)
    await hub.until(
      'the records are deleted',
      () => countRuns(stage.rootPath) === 1 && !existsSync(stage.attemptFolder(command.attempt_id)),
    )
    await killAgent()
    await restart()
    // Without its records, an installer that has already ended would be unknown.
    await hub.until('the installer is watched again', () =>
      agent.stderr().includes('the installer is still running'),
    )
    writeFileSync(join(stage.rootPath, 'go-on'), '')
    expect(await hub.result(command)).toMatchObject({ exit_code: 7 })
    expect(countRuns(stage.rootPath)).toBe(1)
  })
})

describe('an attempt whose records are missing', () => {
  beforeEach(async () => {
    stage = await setStage()
    agent = await stage.connect()
  })
  afterEach(() => stage.clear())

  async function loseRecords(command: DeployPayload): Promise<void> {
    await stage.hub.deploy(command)
    await stage.hub.until('it runs', () => countRuns(stage.rootPath) === 1)
    await killAgent()
    await killInstaller(command)
    rmSync(stage.attemptFolder(command.attempt_id), { recursive: true })
    await restart()
  }

  it('is interrupted and not run again; a new attempt runs', async () => {
    const { hub } = stage
    const content = countingScript('[ -e "$DEPLOYX_INSTALL_ROOT/again" ] || sleep 300')
    const command = hub.payload({ content })
    await loseRecords(command)
    const result = await hub.result(command)
    expect(result).toMatchObject({ status: 'failed', reason: 'interrupted' })
    expect(result.message).not.toContain('not started')
    expect(countRuns(stage.rootPath)).toBe(1)
    writeFileSync(join(stage.rootPath, 'again'), '')
    const retry = hub.payload({ content, attempt: 2 })
    await hub.deploy(retry)
    expect(await hub.result(retry)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(2)
  })

  it('is decided by its detection rule', async () => {
    const command = stage.hub.payload({
      content: countingScript('touch "$DEPLOYX_INSTALL_ROOT/tool"', 'sleep 300'),
      detection: { type: 'file', path: '/tool' },
    })
    await loseRecords(command)
    expect(await stage.hub.result(command)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('counts as started once its download was recorded, because part of the journal may be missing as well', async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript('exit 0') })
    await killAgent()
    const journal = openJournal(join(stage.statePath, 'journal.log'), silent)
    journal.accept(command)
    journal.step(command.attempt_id, 'downloading')
    journal.close()
    await restart()
    expect(await hub.result(command)).toMatchObject({ status: 'failed', reason: 'interrupted' })
    expect(countRuns(stage.rootPath)).toBe(0)
  })

  it.each(['', 'null', 'junk{'])('is not run again if its claim contains %j', async (content) => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript('sleep 300') })
    await hub.deploy(command)
    await hub.until('it runs', () => countRuns(stage.rootPath) === 1)
    await killAgent()
    await killInstaller(command)
    writeFileSync(join(stage.attemptFolder(command.attempt_id), 'supervisor.json'), content)
    await restart()
    expect(await hub.result(command)).toMatchObject({ status: 'failed', reason: 'interrupted' })
    expect(countRuns(stage.rootPath)).toBe(1)
  })
})

describe('an attempt of an agent that kept package and records in one folder', () => {
  beforeEach(async () => {
    stage = await setStage()
    agent = await stage.connect()
    await killAgent()
  })
  afterEach(() => stage.clear())

  /** As agents of version 0.1.0 left it. */
  function leave(command: DeployPayload, more: Record<string, unknown>): string {
    const folder = stage.attemptFolder(command.attempt_id)
    mkdirSync(folder, { mode: 0o700 })
    const journal = openJournal(join(stage.statePath, 'journal.log'), silent)
    journal.accept(command)
    journal.step(command.attempt_id, 'downloading')
    journal.step(command.attempt_id, 'installing', null)
    journal.close()
    const spec = {
      attempt_id: command.attempt_id,
      command: { file: '/bin/sh', args: [join(folder, 'setup.sh')], verbatim: false },
      env: {},
      cwd: folder,
      timeout_seconds: 60,
      grace_ms: 500,
    }
    const gone = { pid: 2 ** 22 + 1, start: '1', boot: 'another' }
    for (const [name, content] of Object.entries({ 'spec.json': spec, ...more }))
      writeFileSync(join(folder, name), JSON.stringify(content ?? gone))
    return folder
  }

  it('is reported with the exit code and output that were recorded', async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript() })
    const exit = {
      exit_code: 3,
      signal: null,
      timed_out: false,
      start_error: null,
      omitted_bytes: 0,
    }
    const folder = leave(command, { 'supervisor.json': undefined, 'exit.json': exit })
    appendFileSync(join(folder, 'output.log'), 'from before\n')
    await restart()
    expect(await hub.result(command)).toMatchObject({ status: 'failed', exit_code: 3 })
    expect(hub.outputOf(command)).toBe('from before\n')
    await hub.until('its folder is removed', () => stage.attemptFolders().length === 0)
    expect(countRuns(stage.rootPath)).toBe(0)
  })

  it('fails as interrupted if its supervisor has ended, because supervisors of that version recorded no start', async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript() })
    leave(command, { 'supervisor.json': undefined })
    await restart()
    expect(await hub.result(command)).toMatchObject({ status: 'failed', reason: 'interrupted' })
    expect(countRuns(stage.rootPath)).toBe(0)
  })

  it('is started if no supervisor claimed it', async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript('echo "$0"') })
    const folder = leave(command, {})
    await restart()
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(dirname(hub.outputOf(command)!)).toBe(folder)
    expect(countRuns(stage.rootPath)).toBe(1)
  })
})

describe('a supervisor that is killed before it starts the installer', () => {
  beforeEach(async () => {
    stage = await setStage({}, [
      join(import.meta.dirname, '..', 'test-kit', 'die-in-supervisor.ts'),
    ])
    agent = await stage.connect()
  })
  afterEach(() => stage.clear())
  type Kind = 'shell' | 'node'
  const dying = (kind: Kind, moment: string, times: number): void =>
    writeFileSync(join(stage.statePath, 'die.json'), JSON.stringify({ kind, moment, times }))

  it.each<[Kind, string]>([
    ['shell', 'claimed'],
    ['node', 'unclaimed'],
    ['node', 'claimed'],
  ])('is replaced by another one (%s, %s)', async (kind, moment) => {
    const { hub } = stage
    dying(kind, moment, 1)
    const command = hub.payload({ content: countingScript('echo ran') })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ status: 'success', exit_code: 0 })
    expect(hub.outputOf(command)).toContain('Trying again.\nran\n')
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('is replaced by a Node supervisor if it is a shell that is never ready', async () => {
    const { hub } = stage
    dying('shell', 'unclaimed', 2)
    const command = hub.payload({ content: countingScript('echo ran') })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ status: 'success', exit_code: 0 })
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it.each<Kind>(['shell', 'node'])(
    'is replaced by another one even if the agent is killed as well (%s)',
    async (kind) => {
      const { hub } = stage
      dying(kind, 'claimed', 2)
      const command = hub.payload({ content: countingScript('exit 0') })
      await hub.deploy(command)
      await hub.until('a claim', () => stage.readAttemptFile(command.attempt_id, 'supervisor.json'))
      await killAgent()
      await restart()
      expect(await hub.result(command)).toMatchObject({ status: 'success' })
      expect(countRuns(stage.rootPath)).toBe(1)
    },
  )

  it.each<Kind>(['shell', 'node'])(
    'is replaced at most twice; then the attempt fails without a run (%s)',
    async (kind) => {
      const { hub } = stage
      dying(kind, 'claimed', 9)
      const command = hub.payload({ content: countingScript('exit 0') })
      await hub.deploy(command)
      const result = await hub.result(command)
      expect(result).toMatchObject({ status: 'failed', reason: 'internal' })
      expect(result.message).toContain('was not started')
      expect(countRuns(stage.rootPath)).toBe(0)
    },
  )

  it.each<Kind>(['shell', 'node'])(
    'has an unknown result and is not run again if it is killed while it starts the installer (%s)',
    async (kind) => {
      const { hub } = stage
      dying(kind, 'spawning', 1)
      const command = hub.payload({ content: countingScript('exit 0') })
      await hub.deploy(command)
      expect(await hub.result(command)).toMatchObject({ status: 'failed', reason: 'interrupted' })
      expect(countRuns(stage.rootPath)).toBe(0)
    },
  )
})
