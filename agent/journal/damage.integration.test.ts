/**
 * Lost records and what happens when agent and hub meet afterwards: no old command is accepted, nothing is
 * overwritten, and the loss is reported.
 */
import { generateKeyPairSync } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { setAside } from '../lib/set-aside.ts'
import type { AgentProcess } from '../test-kit/agent-process.ts'
import type { Sealed } from '../test-kit/hub-commands.ts'
import { countingScript, countRuns, setStage, type Stage } from '../test-kit/stage.ts'

let stage: Stage
let agent: AgentProcess
beforeEach(async () => {
  stage = await setStage()
  agent = await stage.connect()
})
afterEach(() => stage.clear())

const inState = (name: string): string => join(stage.statePath, name)
const kept = (): string[] =>
  existsSync(inState('set-aside')) ? readdirSync(inState('set-aside')) : []
const lastHello = () => stage.hub.hellos.at(-1)!

async function stop(): Promise<void> {
  await agent.kill('SIGKILL')
  await stage.hub.until('the link is lost', () => !stage.hub.isConnected())
}
async function restart(): Promise<void> {
  agent = await stage.connect(['--install-root', stage.rootPath])
}
/** A command that was carried out, as an attacker may have recorded it. */
async function done(): Promise<{ command: DeployPayload; envelope: Sealed }> {
  const { hub } = stage
  const command = hub.payload({ content: countingScript('exit 0') })
  const envelope = hub.seal(command)
  await hub.deploy(command, envelope)
  await hub.result(command)
  await hub.until('its folder is removed', () => stage.attemptFolders().length === 0)
  return { command, envelope }
}

const DAMAGES = {
  missing: (file: string) => rmSync(file),
  empty: (file: string) => writeFileSync(file, ''),
  junk: (file: string) => writeFileSync(file, Buffer.alloc(5_000, 'x\n\0')),
  half: (file: string) => truncateSync(file, Math.floor(statSync(file).size / 2)),
  'damaged in its middle': (file: string) => {
    const lines = readFileSync(file, 'utf8').split('\n')
    lines[1] = 'spoilt'
    writeFileSync(file, lines.join('\n'))
  },
  'damaged at its end': (file: string) =>
    writeFileSync(file, readFileSync(file, 'utf8').replace(/\n[^\n]+\n[^\n]+\n$/, '\nx\nx\n')),
}

describe.each(Object.entries(DAMAGES))('a journal that is %s', (kind, damage) => {
  it('accepts no old command, is kept and reported, and new commands are carried out', async () => {
    const { hub } = stage
    const first = await done()
    const last = await done()
    await stop()
    damage(inState('journal.log'))
    await restart()
    for (const { command, envelope } of [first, last])
      expect(await hub.deploy(command, envelope)).toMatchObject({
        accepted: false,
        why: 'replayed',
      })
    const next = hub.payload({ content: countingScript('exit 0') })
    expect(await hub.deploy(next)).toEqual({ accepted: true })
    expect(await hub.result(next)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(3)
    expect(lastHello().damaged).toMatchObject([{ file: 'journal.log' }])
    expect(kept().some((name) => name.endsWith('-journal.log'))).toBe(kind !== 'missing')
    // Once the hub knows, it is not reported again.
    await stop()
    await restart()
    expect(lastHello().damaged).toBeUndefined()
  })
})

describe('an agent that lost its journal', () => {
  it('accepts nothing from a hub that does not say which commands are old, however often it starts', async () => {
    const { hub } = stage
    hub.behaviour.statesSequence = false
    await stop()
    writeFileSync(inState('journal.log'), '')
    for (let starts = 0; starts < 2; starts++) {
      await restart()
      const command = hub.payload({ content: countingScript('exit 0') })
      expect(await hub.deploy(command)).toMatchObject({ accepted: false, why: 'busy' })
      expect(lastHello().damaged).toHaveLength(1)
      await stop()
    }
    hub.behaviour.statesSequence = true
    await restart()
    expect(await hub.deploy(hub.payload({ content: countingScript('exit 0') }))).toEqual({
      accepted: true,
    })
  })

  it('rejects a sequence that another key signed', async () => {
    const { hub } = stage
    await stop()
    rmSync(inState('journal.log'))
    hub.behaviour.sequenceKey = generateKeyPairSync('ed25519').privateKey
    agent = stage.start(['--install-root', stage.rootPath])
    await hub.until('two tries', () => hub.hellos.length >= 3)
    expect(agent.stdout()).not.toContain('Connected to')
    hub.behaviour.sequenceKey = null
    await hub.until('a link', () => agent.stdout().includes('Connected to'))
  })

  it('waits for an installer that it does not remember before it starts another, and keeps its records', async () => {
    const { hub } = stage
    const script = countingScript(
      'mkdir "$DEPLOYX_INSTALL_ROOT/busy" || exit 7',
      'sleep 4',
      'rmdir "$DEPLOYX_INSTALL_ROOT/busy"',
    )
    const forgotten = hub.payload({ content: script })
    await hub.deploy(forgotten)
    await hub.until('it runs', () => countRuns(stage.rootPath) === 1)
    await stop()
    writeFileSync(inState('journal.log'), 'junk')
    await restart()
    expect(lastHello().attempts).toEqual([])
    const next = hub.payload({ content: script })
    await hub.deploy(next)
    expect(await hub.result(next)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(2)
  })

  it('keeps the files of attempts that it does not remember', async () => {
    await stop()
    const id = 'b'.repeat(32)
    mkdirSync(stage.attemptFolder(id))
    writeFileSync(join(stage.attemptFolder(id), 'exit.json'), '{}')
    rmSync(inState('journal.log'))
    await restart()
    await stage.hub.until('it is tidy', () => !existsSync(stage.attemptFolder(id)))
    const place = kept().find((name) => name.endsWith('attempts-forgotten'))!
    expect(existsSync(join(inState('set-aside'), place, id, 'exit.json'))).toBe(true)
  })
})

describe.each(['missing', 'empty', 'junk'] as const)('the journal of restarts, %s', (kind) => {
  it('is reported and kept, and the sequence continues', async () => {
    await done()
    await stop()
    DAMAGES[kind](inState('restarts.log'))
    await restart()
    expect(lastHello().damaged).toMatchObject([{ file: 'restarts.log' }])
    expect(kept().some((name) => name.endsWith('-restarts.log'))).toBe(kind !== 'missing')
    // It is written when the hub has answered the hello.
    await stage.hub.until('the sequence is written', () => {
      const file = inState('restarts.log')
      return existsSync(file) && readFileSync(file, 'utf8').includes('"high":1')
    })
  })
})

describe('other records', () => {
  it.each(['', '{"order":', 'null'])(
    'an update record of %j is reported and kept',
    async (content) => {
      await stop()
      writeFileSync(inState('update.json'), content)
      await restart()
      expect(lastHello().damaged).toMatchObject([{ file: 'update.json', what: 'unreadable' }])
      expect(kept().some((name) => name.endsWith('-update.json'))).toBe(true)
    },
  )

  it('reports no loss for a newly enrolled agent', () => {
    expect(lastHello().damaged).toBeUndefined()
    expect(kept()).toEqual([])
  })

  it.each(['missing', 'empty', 'junk', 'half'] as const)(
    'do not replace an identity that is %s unless the PC is enrolled again',
    async (kind) => {
      await stop()
      const file = inState('identity.json')
      const journal = readFileSync(inState('journal.log'))
      DAMAGES[kind](file)
      const before = existsSync(file) ? readFileSync(file) : null
      const refused = stage.start(['--install-root', stage.rootPath])
      expect(await refused.ended).toBe(1)
      expect(refused.stderr()).toMatch(/identity of this agent, .* (is missing|cannot be read)/)
      expect(existsSync(file) ? readFileSync(file) : null).toEqual(before)
      expect(readFileSync(inState('journal.log'))).toEqual(journal)

      agent = await stage.connect()
      expect(lastHello()).toMatchObject({ device_id: 2, damaged: [{ file: 'identity.json' }] })
      expect(kept().some((name) => name.endsWith('-identity.json'))).toBe(kind !== 'missing')
      expect(kept().some((name) => name.endsWith('-journal.log'))).toBe(true)
      const command = stage.hub.payload({
        device_id: lastHello().device_id,
        content: countingScript('exit 0'),
      })
      await stage.hub.deploy(command)
      expect(await stage.hub.result(command)).toMatchObject({ status: 'success' })
    },
  )

  it('keep only the newest damaged files, in a limited number', () => {
    for (let n = 0; n < 14; n++) {
      writeFileSync(inState('a.log'), String(n))
      setAside(inState('a.log'))
    }
    expect(kept()).toHaveLength(10)
    const newest = kept().sort().at(-1)!
    expect(readFileSync(join(inState('set-aside'), newest), 'utf8')).toBe('13')
  })
})
