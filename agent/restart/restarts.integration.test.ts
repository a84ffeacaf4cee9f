/**
 * How an agent handles orders to restart its PC, with its real journal. The restart command is a FAKE:
 * nothing restarts here.
 */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandText } from '#shared/contract/agent/link.ts'
import { restartText, type RestartAbility } from '#shared/contract/agent/restart.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Enrollment } from '../identity/identity.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import type { ToolCall } from './commands.ts'
import { openRestartJournal, type RestartJournal } from './restart-journal.ts'
import { createRestarts } from './restarts.ts'
import { systemClock } from '#shared/node/clock.ts'
import { systemRestartTools } from './tools.ts'

const hubKey = generateKeyPairSync('ed25519')
const enrollment = {
  device_id: 5 as DeviceId,
  key_id: 'k',
  command_key: hubKey.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
} as Enrollment
const log = pino({ level: 'silent' })
const ID = 'a'.repeat(32)
const OTHER_ID = 'b'.repeat(32)

const order = (change: object = {}) => ({
  device_id: 5,
  deployment_id: 7,
  restart_id: ID,
  sequence: 1,
  issued_at: '2026-01-01T00:00:00.000Z',
  action: 'restart',
  boot_id: 'boot-1',
  delay_seconds: 600,
  deployment_name: 'Office',
  ...change,
})
const withdrawal = (change: object = {}) => order({ action: 'call_off', sequence: 2, ...change })
const seal = (
  payload: object,
  purpose: (text: string) => string = restartText,
  key: KeyObject = hubKey.privateKey,
) => {
  const text = JSON.stringify(payload)
  const signature = sign(null, Buffer.from(purpose(text)), key).toString('base64')
  return { envelope: { payload: text, signature, key_id: 'k' } }
}

let folder: ReturnType<typeof makeFolder>
beforeEach(() => (folder = makeFolder()))
afterEach(() => folder.remove())

/** A PC with this agent: its boot, its running work, the recorded calls, and how the next call ends. */
function aPc(file = join(folder.path, 'restarts.log')) {
  const calls: ToolCall[] = []
  const pc = {
    boot: 'boot-1',
    uptime: 1_000,
    isBusy: false,
    exitCode: 0,
    platform: 'linux' as 'linux' | 'windows',
    ability: null as RestartAbility | null,
    calls,
    reboots: (): number => calls.filter(({ args }) => args[0] === '-r' || args[0] === '/r').length,
  }
  let journal: RestartJournal
  let restarts: ReturnType<typeof createRestarts>
  function start(): void {
    journal = openRestartJournal(file, log)
    restarts = createRestarts({
      enrollment: () => enrollment,
      journal,
      tools: {
        platform: pc.platform,
        uptimeSeconds: () => pc.uptime,
        run: (call) => {
          calls.push(call)
          const code = pc.exitCode
          return Promise.resolve({
            code,
            stdout: '',
            stderr: code === 0 ? '' : 'no',
            missing: false,
          })
        },
      },
      ability: pc.ability ?? { possible: true, boot_id: pc.boot },
      isBusy: () => pc.isBusy,
      log,
    })
  }
  start()
  return {
    pc,
    answer: (body: unknown) => restarts.answer(body),
    order: (change: object = {}) => restarts.answer(seal(order(change))),
    withdraw: (change: object = {}) => restarts.answer(seal(withdrawal(change))),
    isImminent: () => restarts.isImminent(),
    high: () => restarts.highestSequence(),
    restartAgent(): void {
      journal.close()
      start()
    },
    restartPc(boot: string): void {
      Object.assign(pc, { boot, uptime: 30 })
      this.restartAgent()
    },
    close: () => journal.close(),
  }
}

describe('an order', () => {
  it('is carried out once, however often it is received', async () => {
    const a = aPc()
    expect(await a.order()).toEqual({ result: 'announced', due_in_seconds: 600 })
    a.pc.uptime += 60
    expect(await a.order()).toEqual({ result: 'announced', due_in_seconds: 540 })
    expect(await a.order({ sequence: 9 })).toEqual({ result: 'announced', due_in_seconds: 540 })
    a.restartAgent()
    expect(await a.order({ sequence: 10 })).toEqual({ result: 'announced', due_in_seconds: 540 })
    expect(a.pc.calls).toEqual([
      { file: 'shutdown', args: ['-r', '+10', expect.stringContaining('Office') as string] },
    ])
    expect(a.isImminent()).toBe(true)
  })

  it('is void once the PC has restarted: repeated a week later, after a lost journal, with a new number', async () => {
    const a = aPc()
    await a.order()
    a.restartPc('boot-2')
    expect(await a.order()).toEqual({ result: 'passed' })
    expect(await a.order({ sequence: 99 })).toEqual({ result: 'passed' })
    rmSync(join(folder.path, 'restarts.log'))
    a.restartAgent()
    expect(await a.order({ sequence: 100 })).toEqual({ result: 'passed' })
    expect(a.pc.reboots()).toBe(1)
    expect(a.isImminent()).toBe(false)
  })

  it.each<[string, () => unknown]>([
    ['for another device', () => seal(order({ device_id: 6 }))],
    ['signed for another purpose', () => seal(order(), commandText)],
    [
      'signed with another key',
      () => seal(order(), restartText, generateKeyPairSync('ed25519').privateKey),
    ],
    [
      'whose text was changed afterwards',
      () => {
        const { envelope } = seal(order())
        return { envelope: { ...envelope, payload: envelope.payload.replace('600', '060') } }
      },
    ],
    ['with an unknown key', () => ({ envelope: { ...seal(order()).envelope, key_id: 'x' } })],
    ['without notice', () => seal(order({ delay_seconds: 0 }))],
    ['that shuts down', () => seal(order({ action: 'shutdown' }))],
    ['without an envelope', () => order()],
    ['that is nothing', () => null],
  ])('%s is refused', async (_what, body) => {
    const a = aPc()
    expect(await a.answer(body())).toMatchObject({ result: 'refused' })
    expect(a.pc.calls).toEqual([])
  })

  it('waits while an installation is running, and while another restart is imminent', async () => {
    const a = aPc()
    a.pc.isBusy = true
    expect(await a.order()).toMatchObject({ result: 'busy' })
    a.pc.isBusy = false
    expect(await a.order({ sequence: 2 })).toMatchObject({ result: 'announced' })
    expect(await a.order({ restart_id: OTHER_ID, sequence: 3 })).toMatchObject({ result: 'busy' })
    expect(a.pc.reboots()).toBe(1)
  })

  it('is refused if the agent has received a newer one since: a delayed order does not take effect late', async () => {
    const a = aPc()
    await a.withdraw({ restart_id: OTHER_ID, sequence: 5 })
    expect(await a.order({ sequence: 5 })).toMatchObject({ result: 'refused' })
    expect(a.high()).toBe(5)
    a.restartAgent()
    expect(a.high()).toBe(5)
    expect(a.pc.calls).toEqual([])
  })

  it("is refused with the platform's message if the platform does not accept it", async () => {
    const a = aPc()
    a.pc.exitCode = 1
    expect(await a.order()).toEqual({
      result: 'refused',
      message: 'The restart command failed: exit code 1: no',
      code: 'restart_tool_failed_saying',
      params: { exit_code: 1, line: 'no' },
    })
    expect(a.isImminent()).toBe(false)
  })

  it('waits for a restart that somebody else has scheduled', async () => {
    const a = aPc()
    Object.assign(a.pc, { platform: 'windows', exitCode: 1190 })
    a.restartAgent()
    expect(await a.order()).toMatchObject({ result: 'busy' })
    expect(a.isImminent()).toBe(false)
  })

  it('is refused with the reason by an agent that is not allowed to restart its PC', async () => {
    const a = aPc()
    a.pc.ability = { possible: false, why: 'Its agent runs without administrator rights.' }
    a.restartAgent()
    expect(await a.order()).toEqual({
      result: 'refused',
      message: 'Its agent runs without administrator rights.',
    })
    expect(a.pc.calls).toEqual([])
  })

  it('is carried out when it is received again, if the agent ended after storing it and before acting on it', async () => {
    const a = aPc()
    await a.order()
    // The file as it is after a power cut between the two.
    const file = join(folder.path, 'restarts.log')
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
    expect(lines.at(-1)).toContain('"announced"')
    writeFileSync(file, lines.slice(0, -1).join('\n') + '\n')
    a.pc.calls.length = 0
    a.restartAgent()
    expect(a.isImminent()).toBe(true)
    expect(await a.order({ sequence: 2 })).toMatchObject({ result: 'announced' })
    expect(a.pc.reboots()).toBe(1)
  })
})

describe('a withdrawal', () => {
  it('cancels the running notice, and the order never takes effect later', async () => {
    const a = aPc()
    await a.order()
    expect(await a.withdraw()).toEqual({ result: 'called_off' })
    expect(a.pc.calls.at(-1)).toEqual({ file: 'shutdown', args: ['-c'] })
    expect(a.isImminent()).toBe(false)
    expect(await a.order({ sequence: 9 })).toEqual({ result: 'called_off' })
    a.restartAgent()
    expect(await a.order({ sequence: 10 })).toEqual({ result: 'called_off' })
    expect(await a.withdraw({ sequence: 11 })).toEqual({ result: 'called_off' })
    expect(a.pc.calls.length).toBe(2)
  })

  it('of an order that never arrived is remembered', async () => {
    const a = aPc()
    expect(await a.withdraw()).toEqual({ result: 'called_off' })
    expect(await a.order({ sequence: 1 })).toEqual({ result: 'called_off' })
    expect(a.pc.calls).toEqual([])
  })

  it('reports that it came after the restart', async () => {
    const a = aPc()
    await a.order()
    a.restartPc('boot-2')
    expect(await a.withdraw()).toEqual({ result: 'passed' })
  })

  it('that the platform refuses does not count as done', async () => {
    const a = aPc()
    await a.order()
    a.pc.exitCode = 5
    expect(await a.withdraw()).toMatchObject({ result: 'refused' })
    expect(a.isImminent()).toBe(true)
    a.pc.exitCode = 0
    expect(await a.withdraw({ sequence: 3 })).toEqual({ result: 'called_off' })
  })
})

it('keeps its journal readable after damage, and reports the damage', async () => {
  const a = aPc()
  await a.order()
  a.close()
  appendFileSync(join(folder.path, 'restarts.log'), 'half a li')
  const b = aPc()
  expect(await b.order()).toMatchObject({ result: 'announced' })
  expect(b.pc.calls).toEqual([])
})

it('never ends more than one boot per order, nor restarts during an installation, whatever happens', async () => {
  let runs = 0
  const step = fc.oneof(
    fc.record({
      t: fc.constant('order' as const),
      id: fc.constantFrom(ID, OTHER_ID),
      boot: fc.integer({ min: 1, max: 3 }),
      sequence: fc.integer({ min: 1, max: 12 }),
    }),
    fc.record({
      t: fc.constant('off' as const),
      id: fc.constantFrom(ID, OTHER_ID),
      sequence: fc.integer({ min: 1, max: 12 }),
    }),
    fc.record({
      t: fc.constantFrom('agent' as const, 'pc' as const, 'busy' as const, 'fails' as const),
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const a = aPc(join(folder.path, `restarts-${runs++}.log`))
      let boot = 1
      const endedBy = new Map<string, Set<number>>()
      const off = new Set<string>()
      for (const s of steps) {
        const before = a.pc.reboots()
        if (s.t === 'order') {
          const reply = await a.order({
            restart_id: s.id,
            boot_id: `boot-${s.boot}`,
            sequence: s.sequence,
          })
          if (a.pc.reboots() === before) continue
          expect(a.pc.isBusy).toBe(false)
          expect(s.boot).toBe(boot)
          expect(off.has(s.id)).toBe(false)
          if (reply.result === 'announced')
            endedBy.set(s.id + s.boot, (endedBy.get(s.id + s.boot) ?? new Set()).add(before))
        } else if (s.t === 'off') {
          const { result } = await a.withdraw({ restart_id: s.id, sequence: s.sequence })
          if (result === 'called_off') off.add(s.id)
        } else if (s.t === 'agent') a.restartAgent()
        else if (s.t === 'pc') a.restartPc(`boot-${++boot}`)
        else if (s.t === 'busy') a.pc.isBusy = !a.pc.isBusy
        else a.pc.exitCode = a.pc.exitCode === 0 ? 1 : 0
      }
      for (const times of endedBy.values()) expect(times.size).toBe(1)
      a.close()
    }),
    { numRuns: 100 },
  )
})

it('writes nothing after it was closed, because the file may be another one by then', async () => {
  const a = aPc()
  a.close()
  expect(await a.order()).toMatchObject({ result: 'busy' })
  expect(a.pc.calls).toEqual([])
})

it('does not restart the computer on which it is developed or tested', async () => {
  expect(await systemRestartTools(null, systemClock).ability()).toMatchObject({
    possible: false,
    why: expect.stringContaining('from its sources') as string,
    code: 'cannot_restart_from_sources',
  })
  expect(await systemRestartTools('/somewhere', systemClock).ability()).toMatchObject({
    possible: false,
    why: expect.stringContaining('--install-root') as string,
    code: 'cannot_restart_from_folder',
  })
})
