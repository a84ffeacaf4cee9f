/** The journal on a real disk: acknowledged records survive, whatever truncates the last one. */
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DeployPayload, type DeploymentResult } from '#shared/contract/agent/link.ts'
import { AttemptId } from '#shared/domain/ids.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { openJournal, peekJournal } from './journal.ts'
import { openRecordFile, readRecords } from './record-file.ts'
import { apply, DONE_LIMIT, emptyState, summarize, type JournalRecord } from './records.ts'

const log = pino({ level: 'silent' })
let folder: ReturnType<typeof makeFolder>
let path: string
beforeEach(() => {
  folder = makeFolder()
  path = join(folder.path, 'journal.log')
})
afterEach(() => folder.remove())

const newId = (): AttemptId => AttemptId.parse(randomBytes(16).toString('hex'))
const payload = (sequence: number, attempt_id = newId()): DeployPayload =>
  DeployPayload.parse({
    device_id: 1,
    deployment_id: 2,
    target_id: 3,
    attempt: 1,
    attempt_id,
    sequence,
    issued_at: '2026-01-01T00:00:00.000Z',
    action: 'install',
    software_name: 'x',
    kind: 'sh',
    file_name: 'x.sh',
    argv: ['a'],
    verbatim: false,
    url: '/content/x',
    sha256: 'a'.repeat(64),
    size_bytes: 1,
    success_exit_codes: [],
    detection: null,
    timeout_seconds: 1,
    reboot: 'never',
  })
const resultFor = (command: DeployPayload): DeploymentResult => ({
  deployment_id: command.deployment_id,
  target_id: command.target_id,
  attempt: 1,
  attempt_id: command.attempt_id,
  status: 'success',
  message: 'Installed.',
  error_details: 'long',
})

describe('secrets of a command', () => {
  const withSecret = (sequence: number): DeployPayload => ({
    ...payload(sequence),
    argv: ['PIDKEY=LIC-7QX2'],
    secret_values: ['LIC-7QX2'],
  })
  const written = () => readFileSync(path, 'utf8')

  it('are on disk until the attempt has ended, and not after it', () => {
    const [a, b] = [withSecret(1), payload(2)]
    const journal = openJournal(path, log)
    journal.accept(a)
    journal.accept(b)
    journal.step(a.attempt_id, 'installing')
    expect(journal.attempt(a.attempt_id)?.payload.argv).toEqual(a.argv)
    expect(written()).toContain('LIC-7QX2')
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600)
    journal.end(a.attempt_id, resultFor(a))
    expect(written()).not.toContain('LIC-7QX2')
    expect(journal.attempt(a.attempt_id)?.result).toEqual(resultFor(a))
    journal.close()
    const again = openJournal(path, log)
    expect(again.attempt(a.attempt_id)?.payload).toEqual({ ...a, argv: [], secret_values: [] })
    expect(again.attempt(b.attempt_id)?.payload.argv).toEqual(b.argv)
    again.close()
  })
  it('are removed when an attempt is deferred without having run', () => {
    const a = withSecret(1)
    const journal = openJournal(path, log)
    journal.accept(a)
    journal.acknowledge(a.attempt_id)
    expect(written()).not.toContain('LIC-7QX2')
    journal.close()
  })
  it('go at the next start where a crash came before', () => {
    const a = withSecret(1)
    const { file } = openRecordFile(path)
    file.append({ t: 'accepted', high: 1, payload: a })
    file.append({ t: 'result', high: 1, id: a.attempt_id, result: resultFor(a) })
    file.close()
    openJournal(path, log).close()
    expect(written()).not.toContain('LIC-7QX2')
  })
})

describe('the journal', () => {
  it('restores everything after a restart: order, step, cancellation, result, sequence', () => {
    const [a, b, c] = [payload(4), payload(9), payload(11)]
    const first = openJournal(path, log)
    for (const command of [a, b, c]) first.accept(command)
    first.step(a.attempt_id, 'installing', { package_name: 'x', was_installed: false })
    first.cancel(b.attempt_id)
    first.end(c.attempt_id, resultFor(c))
    first.raiseSequence(20)
    first.close()

    const second = openJournal(path, log)
    expect(second.highestSequence()).toBe(20)
    expect(second.open()).toEqual([a.attempt_id, b.attempt_id])
    expect(second.held()).toEqual([a.attempt_id, b.attempt_id, c.attempt_id])
    expect(second.attempt(a.attempt_id)).toMatchObject({
      payload: a,
      step: 'installing',
      before: { package_name: 'x', was_installed: false },
    })
    expect(second.attempt(b.attempt_id)).toMatchObject({ isCanceled: true, step: 'accepted' })
    second.acknowledge(c.attempt_id)
    second.close()

    const third = openJournal(path, log)
    expect(third.held()).toEqual([a.attempt_id, b.attempt_id])
    expect(third.done(c.attempt_id)).toMatchObject({ status: 'success', message: 'Installed.' })
    expect(third.done(c.attempt_id)).not.toHaveProperty('error_details')
    third.close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('loses nothing but the last record, wherever the file is truncated', () => {
    const journal = openJournal(path, log)
    const commands = [payload(1), payload(2), payload(3)]
    for (const command of commands) journal.accept(command)
    journal.close()
    const whole = readFileSync(path)
    const lastStart = whole.lastIndexOf(10, whole.length - 2) + 1
    for (const length of [lastStart, lastStart + 1, lastStart + 20, whole.length - 1]) {
      writeFileSync(path, whole)
      truncateSync(path, length)
      const again = openJournal(path, log)
      expect(again.open()).toEqual(commands.slice(0, 2).map((command) => command.attempt_id))
      expect(again.attempt(commands[0]!.attempt_id)!.step).toBe('accepted')
      again.accept(commands[2]!)
      again.close()
      expect(peekJournal(path).attempts.size).toBe(3)
    }
  })

  it('treats open attempts as started when a record in its middle is unreadable', () => {
    const journal = openJournal(path, log)
    const commands = [payload(1), payload(2)]
    for (const command of commands) journal.accept(command)
    journal.step(commands[0]!.attempt_id, 'downloading')
    journal.raiseSequence(8)
    journal.close()
    const lines = readFileSync(path, 'utf8').split('\n')
    const spoilt = lines.findIndex((line) => line.includes('"downloading"'))
    lines[spoilt] = lines[spoilt]!.replace('downloading', 'downloadinG')
    writeFileSync(path, lines.join('\n'))

    const again = openJournal(path, log)
    expect(again.highestSequence()).toBe(8)
    for (const command of commands)
      expect(again.attempt(command.attempt_id)!.step).toBe('installing')
    again.close()
  })

  it('stays small however much goes through it', () => {
    const journal = openJournal(path, log)
    const live = payload(1)
    journal.accept(live)
    for (let n = 0; n < 400; n++) {
      const command = payload(n + 2)
      command.argv = ['x'.repeat(8_000), 'y'.repeat(8_000)]
      journal.accept(command)
      journal.end(command.attempt_id, resultFor(command))
      journal.acknowledge(command.attempt_id)
    }
    expect(statSync(path).size).toBeLessThan(5 * 1024 * 1024)
    journal.close()
    const again = openJournal(path, log)
    expect(statSync(path).size).toBeLessThan(200_000)
    expect(again.open()).toEqual([live.attempt_id])
    again.close()
  })
})

describe('its records', () => {
  it('remember a limited number of ended attempts, the newest', () => {
    const state = emptyState()
    const ids = Array.from({ length: DONE_LIMIT + 5 }, newId)
    const shape = payload(1)
    for (const id of ids) {
      apply(state, { t: 'done', high: 1, result: resultFor({ ...shape, attempt_id: id }) })
    }
    expect(state.done.size).toBe(DONE_LIMIT)
    expect(state.done.has(ids[4]!)).toBe(false)
    expect(state.done.has(ids.at(-1)!)).toBe(true)
  })

  it('give the same state after summarizing, for any history', () => {
    const commands = [1, 2, 3].map((n) => payload(n))
    const anyRecord = fc
      .record({
        kind: fc.constantFrom('accepted', 'step', 'canceled', 'result', 'acknowledged'),
        which: fc.integer({ min: 0, max: 2 }),
        high: fc.integer({ min: 0, max: 50 }),
      })
      .map(({ kind, which, high }): JournalRecord => {
        const command = commands[which]!
        const id = command.attempt_id
        switch (kind) {
          case 'accepted':
            return { t: 'accepted', high, payload: command }
          case 'step':
            return { t: 'step', high, id, step: 'installing', before: null }
          case 'canceled':
            return { t: 'canceled', high, id }
          case 'result':
            return { t: 'result', high, id, result: resultFor(command) }
          default:
            return { t: 'acknowledged', high, id }
        }
      })
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 40 }), (history) => {
        const direct = emptyState()
        for (const record of history) apply(direct, record)
        const summarized = emptyState()
        for (const record of summarize(direct)) apply(summarized, record)
        expect(summarized).toEqual(direct)
      }),
    )
  })
})

describe('a record file', () => {
  it('is not damaged by a record that could not be written completely', () => {
    const { file } = openRecordFile(path)
    file.append({ n: 1 })
    file.close()
    appendFileSync(path, '12345678 {"n":')
    const reopened = openRecordFile(path)
    expect(reopened.reading).toMatchObject({ records: [{ n: 1 }], damaged: false })
    reopened.file.append({ n: 2 })
    reopened.file.close()
    expect(readRecords(path)).toMatchObject({ records: [{ n: 1 }, { n: 2 }], damaged: false })
  })
})
