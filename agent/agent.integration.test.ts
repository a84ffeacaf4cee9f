/** The agent as a separate process, with a hub that follows the contract and can be made to misbehave. */
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeviceId } from '#shared/domain/ids.ts'
import { startAgent } from './test-kit/agent-process.ts'
import { startTestHub } from './test-kit/hub.ts'
import { countingScript, countRuns, setStage, type Stage } from './test-kit/stage.ts'
import { makeTlsKey } from './test-kit/tls-key.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage()
})
afterEach(async () => {
  await stage.clear()
})
const withoutCode = (): string[] => ['--install-root', stage.rootPath]

describe('enrolling and connecting', () => {
  it('enrols with a code, authenticates, reports its facts, and prints two lines for people', async () => {
    const agent = await stage.connect(['--code', stage.hub.code(), '--name', 'reception'])
    await stage.hub.until('a line for people', () => agent.stdout().includes('Connected'))
    const hello = stage.hub.hellos[0]!
    expect(hello).toMatchObject({ device_id: 1, last_sequence: 0, attempts: [] })
    expect(hello.facts).toMatchObject({ name: 'reception', platform: 'linux' })
    expect(hello.facts.free_disk_bytes).toBeGreaterThan(0)
    expect(agent.stdout()).toMatch(
      /^Enrolled as device 1 \(reception\)\.\nConnected to 127\.0\.0\.1:\d+\.\n$/,
    )
    expect(await agent.kill('SIGTERM')).toBe(0)
  })

  it('needs no code for the second start and keeps its key', async () => {
    const first = await stage.connect()
    await first.kill('SIGKILL')
    await stage.hub.until('the link is lost', () => !stage.hub.isConnected())
    await stage.connect(withoutCode())
    expect(stage.hub.devices.size).toBe(1)
    expect(stage.hub.hellos).toHaveLength(2)
  })

  it('keeps its state private: folder 0700, files 0600', async () => {
    await stage.connect()
    expect(statSync(stage.statePath).mode & 0o777).toBe(0o700)
    for (const name of ['identity.json', 'journal.log', 'status.json'])
      expect(statSync(join(stage.statePath, name)).mode & 0o777).toBe(0o600)
  })

  it('prints in one line why the controller refused the code', async () => {
    stage.hub.behaviour.admits = false
    const agent = stage.start(['--code', stage.hub.code()])
    expect(await agent.ended).toBe(1)
    expect(agent.stderr()).toBe('The controller refused: This code is spent.\n')
  })

  it('tries every address in the code', async () => {
    const closed = await startTestHub()
    await closed.stop()
    const addresses = [`127.0.0.1:${closed.port}`, `127.0.0.1:${stage.hub.port}`]
    await stage.connect(['--code', stage.hub.code({ addresses })])
  })

  it('does not switch to another controller with a folder that is enrolled', async () => {
    const agent = await stage.connect()
    await agent.kill('SIGTERM')
    const { fingerprint } = await makeTlsKey()
    const code = stage.hub.code({ fingerprint, secret: 'B'.repeat(22) })
    const other = stage.start(['--code', code])
    expect(await other.ended).toBe(1)
    expect(other.stderr()).toContain('is enrolled with another controller')
  })

  it('lets only one agent use a state folder', async () => {
    await stage.connect()
    const second = stage.start()
    expect(await second.ended).toBe(1)
    expect(second.stderr()).toMatch(/^Another agent \(process \d+\) is using the state folder/)
  })

  it('stores new addresses from the hub and finds it there', async () => {
    const moved = await startTestHub({ successorOf: stage.hub })
    try {
      stage.hub.behaviour.addresses = [`127.0.0.1:${moved.port}`]
      await stage.connect()
      await stage.hub.stop()
      await moved.connected()
    } finally {
      await moved.stop()
    }
  })

  it('refuses a hub that cannot sign as the enrolled one', async () => {
    stage.hub.behaviour.provesWrongly = true
    const agent = stage.start()
    await stage.hub.until('two visits', () => stage.hub.hellos.length >= 2)
    expect(agent.stdout()).not.toContain('Connected')
    expect(agent.stderr()).toContain('the hub did not prove that it is the enrolled one')
  })

  it('reconnects after the link was cut', async () => {
    const agent = await stage.connect()
    stage.hub.cutLinks()
    await stage.hub.until('a second handshake', () => stage.hub.hellos.length === 2)
    await stage.hub.connected()
    expect(agent.stdout()).toContain('Connection lost')
  })

  it('exits with a clear line when the controller refuses it, and keeps its state', async () => {
    stage.hub.behaviour.refusal = { message: 'This device is blocked.', retry: false }
    const agent = stage.start()
    expect(await agent.ended).toBe(1)
    expect(agent.stderr()).toContain('The controller refused this agent: This device is blocked.\n')
    expect(readFileSync(join(stage.statePath, 'identity.json'), 'utf8')).toContain('device_id')
  })

  it('keeps trying after a temporary refusal', async () => {
    stage.hub.behaviour.refusal = { message: 'Later.', retry: true }
    const agent = stage.start()
    await stage.hub.until('refused once', () => agent.stderr().includes('Later.'))
    stage.hub.behaviour.refusal = null
    await stage.hub.connected()
  })
})

describe('commands that must be refused', () => {
  const script = countingScript('exit 0')

  it('refuses a modified, a foreign, a misdirected and a replayed command, and runs nothing', async () => {
    await stage.connect()
    const { hub } = stage
    const good = hub.payload({ content: script })

    const altered = hub.seal(good)
    altered.payload = altered.payload.replace('"argv":[]', '"argv":["--evil"]')
    expect(await hub.deploy(good, altered)).toMatchObject({ accepted: false, why: 'bad_signature' })

    const foreign = hub.seal(good, generateKeyPairSync('ed25519').privateKey)
    expect(await hub.deploy(good, foreign)).toMatchObject({ accepted: false, why: 'bad_signature' })

    const unknownKey = { ...hub.seal(good), key_id: 'other' }
    expect(await hub.deploy(good, unknownKey)).toMatchObject({ why: 'bad_signature' })

    const misdirected = hub.payload({ content: script, device_id: 2 as DeviceId })
    expect(await hub.deploy(misdirected)).toMatchObject({ accepted: false, why: 'wrong_device' })

    const nonsense = hub.seal('{"action":"install"}')
    expect(await hub.deploy(good, nonsense)).toMatchObject({ accepted: false, why: 'malformed' })

    const wrongKind = hub.payload({ content: script, kind: 'msi', file_name: 'a.msi' })
    expect(await hub.deploy(wrongKind)).toMatchObject({ accepted: false, why: 'unsupported' })

    const real = hub.payload({ content: script })
    expect(await hub.deploy(real)).toEqual({ accepted: true })
    await hub.result(real)
    expect(await hub.deploy(real)).toMatchObject({ accepted: false, why: 'replayed' })
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('refuses a command before the handshake is complete', async () => {
    const { hub } = stage
    const early = hub.payload({ content: script, device_id: 1 as DeviceId })
    hub.behaviour.earlyCommand = { envelope: hub.seal(early) }
    await stage.connect()
    expect(hub.behaviour.earlyReply).toMatchObject({ accepted: false })
    expect(countRuns(stage.rootPath)).toBe(0)
  })

  it('accepts the same attempt again without running it twice, and reports its result again', async () => {
    await stage.connect()
    const { hub } = stage
    const command = hub.payload({ content: script })
    await hub.deploy(command)
    await hub.result(command)
    const again = { ...command, sequence: hub.nextSequence() }
    expect(await hub.deploy(again)).toEqual({ accepted: true })
    await hub.until('the result again', () => hub.reports.deployment_result.length === 2)
    expect(hub.reports.deployment_result[1]).toMatchObject({
      attempt_id: command.attempt_id,
      status: 'success',
    })
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('remembers an attempt and the highest sequence after a restart', async () => {
    const { hub } = stage
    const agent = await stage.connect()
    const command = hub.payload({ content: script })
    await hub.deploy(command)
    await hub.result(command)
    await hub.until('everything is settled', () => stage.attemptFolders().length === 0)
    await agent.kill('SIGKILL')
    await hub.until('the link is lost', () => !hub.isConnected())
    await stage.connect(withoutCode())
    expect(hub.hellos[1]).toMatchObject({ last_sequence: command.sequence, attempts: [] })
    expect(await hub.deploy(command)).toMatchObject({ why: 'replayed' })
    expect(await hub.deploy({ ...command, sequence: hub.nextSequence() })).toEqual({
      accepted: true,
    })
    expect(countRuns(stage.rootPath)).toBe(1)
  })
})

describe('status', () => {
  it('prints the contents of a state folder, as text and as JSON', async () => {
    const agent = await stage.connect()
    const asText = startAgent(['status', '--state', stage.statePath])
    expect(await asText.ended).toBe(0)
    expect(asText.stdout()).toContain(`connected to 127.0.0.1:${stage.hub.port}`)
    await agent.kill('SIGTERM')
    const asJson = startAgent(['status', '--state', stage.statePath, '--json'])
    expect(await asJson.ended).toBe(0)
    expect(JSON.parse(asJson.stdout())).toMatchObject({
      enrolled: true,
      device_id: 1,
      running: false,
      connected_to: null,
      attempts: [],
    })
  })
})
