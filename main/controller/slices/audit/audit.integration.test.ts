/**
 * The audit log cannot be changed unnoticed: not through the controller, not in its file, not by
 * truncating it.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { commandKeys } from '../identity/index.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'
import { checkChain, entryHash } from './chain.ts'
import { proveLog, type ChainReport } from './index.ts'
import { PROJECT_ROOT } from '../../test-kit/paths.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

const PROGRAM = join(PROJECT_ROOT, 'main', 'audit.ts')

let t: TestController
beforeEach(async () => {
  t = await startTestController()
  for (const name of ['one', 'two', 'three', 'four']) await t.addScript(name)
})
afterEach(() => t.stop())

function withDatabase<T>(work: (db: Database.Database) => T): T {
  const db = new Database(join(t.dataDir, 'deployx.db'), { timeout: EVENT_LIMIT_MS })
  try {
    return work(db)
  } finally {
    db.close()
  }
}
/** As an attacker with the file, whom no trigger stops. */
const tamper = (statement: string): void =>
  withDatabase((db) => {
    db.exec('drop trigger audit_log_no_update; drop trigger audit_log_no_delete')
    db.exec(statement)
  })
const check = (): ChainReport => proveLog(join(t.dataDir, 'deployx.db'), commandKeys(t.dataDir))
const audit = (...args: string[]): Promise<{ code: number; out: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { timeout: EVENT_LIMIT_MS },
      (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr }),
    )
  })

describe('the audit log', () => {
  it('is intact after a restart, and its end is signed when the controller stops', async () => {
    expect(check()).toMatchObject({ unchained: 0, signedEnds: 0, signedUpTo: null, problems: [] })
    await t.restart()
    const after = check()
    expect(after).toMatchObject({ signedEnds: 1, signedUpTo: after.entries, problems: [] })
    await t.addScript('five')
    expect(check()).toMatchObject({ entries: after.entries + 1, problems: [] })
  })

  it('cannot be changed or truncated through any connection', () => {
    for (const statement of ["update audit_log set actor = 'x'", 'delete from audit_log'])
      expect(() => withDatabase((db) => db.exec(statement))).toThrow('append-only')
    expect(check().problems).toEqual([])
  })

  it('stays verifiable after a change of the key that signs its ends', async () => {
    await t.restart()
    await t.rest.call('controller.rotate', { body: { command: true } })
    await t.restart()
    expect(check()).toMatchObject({ signedEnds: 2, problems: [] })
  })

  it('continues correctly after a rolled-back decision', async () => {
    const refused = await t.rest.raw('POST', '/deployments/create', {
      name: 'x',
      software_ids: [1],
      device_ids: [99],
    })
    expect(refused.status).toBe(404)
    await t.addScript('after')
    expect(check().problems).toEqual([])
  })

  it.each([
    ['an entry is changed', "update audit_log set details = 'nothing' where id = 3"],
    ['an address is changed', "update audit_log set address = '10.0.0.9' where id = 3"],
    ['the data is changed', "update audit_log set data = '{}' where id = 3"],
    ['how it ended is changed', "update audit_log set outcome = 'refused' where id = 3"],
    ['who did it is changed', "update audit_log set actor = 'ben' where id = 3"],
    ['an entry is taken out', 'delete from audit_log where id = 3'],
    [
      'one is put in',
      "insert into audit_log (id, at, actor, action, subject, details, hash) values (0, '2026', 'x', 'y', 'z', '', 'ff')",
    ],
    ['two change places', 'update audit_log set id = 99 where id = 3'],
  ])('detects when %s', (_what, statement) => {
    tamper(statement)
    expect(check().problems.length).toBeGreaterThan(0)
  })

  it('detects when its end is cut off or rewritten after it was signed', async () => {
    await t.restart()
    tamper('delete from audit_log where id > 2')
    expect(check().problems).toMatchObject([expect.stringMatching(/signed at .* is missing/)])
  })

  it('detects a forged signed end', async () => {
    await t.restart()
    withDatabase((db) => db.exec("update audit_heads set at = '2020-01-01T00:00:00.000Z'"))
    expect(check().problems).toMatchObject([expect.stringContaining('is not genuine')])
  })

  it('continues after entries of an older format, and detects additions to columns that it did not have', () => {
    const check = (rows: Parameters<typeof checkChain>[0]) =>
      checkChain(rows, [], null).problemCount
    const old = {
      id: 1,
      at: '2026-01-01T00:00:00.000Z',
      actor_id: null,
      actor: 'anna',
      action: 'user.login',
      subject: 'user anna',
      details: '',
      format: null,
      address: null,
      outcome: null,
      device_id: null,
      deployment_id: null,
      data: null,
    }
    // Written by version 1: SHA-256 over ["", at, actor_id, actor, action, subject, details].
    const text = JSON.stringify(['', old.at, null, 'anna', 'user.login', 'user anna', ''])
    const first = { ...old, hash: createHash('sha256').update(text).digest('hex') }
    const next = { ...old, id: 2, format: 2, address: '10.0.0.1', outcome: 'done' as const }
    const second = { ...next, hash: entryHash(first.hash, next) }
    expect(check([first, second])).toBe(0)
    expect(check([{ ...first, address: '10.0.0.9' }, second])).toBe(1)
    expect(check([first, { ...second, address: '10.0.0.9' }])).toBe(1)
    expect(check([first, { ...second, format: null }])).toBe(1)
    expect(check([first, { ...second, format: 3 }])).toBe(1)
  })

  it('is searched by text and time, and shows technicians their own entries', async () => {
    const found = (query: object) => t.rest.call('audit.list', { query: { ...query } })
    expect((await found({ q: 'three' })).entries).toHaveLength(1)
    expect((await found({ q: 'no such thing' })).total).toBe(0)
    expect((await found({ since: '2099-01-01T00:00:00Z' })).total).toBe(0)
    expect((await found({ until: '2099-01-01T00:00:00Z' })).total).toBeGreaterThan(4)
    expect((await t.rest.raw('GET', '/audit?since=yesterday')).status).toBe(400)
  })
})

// The command runs from the sources, which Electron's Node does not support.
describe.skipIf(!process.features.typescript)('npm run audit', () => {
  it('verifies the log while the controller runs, and exits with 1 if it is damaged', async () => {
    expect(await audit('--data', t.dataDir)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^The audit log is intact: \d+ entries/) as string,
    })
    tamper("update audit_log set details = 'nothing' where id = 3")
    const damaged = await audit('--data', t.dataDir, '--json')
    expect(damaged.code).toBe(1)
    expect(JSON.parse(damaged.out)).toMatchObject({
      whole: false,
      problems: expect.any(Array) as [],
    })
  })

  it('explains wrong usage, and exits with 2', async () => {
    expect(await audit()).toMatchObject({
      code: 2,
      out: expect.stringContaining('--data') as string,
    })
    expect(await audit('--data', '/nowhere')).toMatchObject({ code: 2 })
    expect(await audit('--nonsense')).toMatchObject({ code: 2 })
    expect(await audit('--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Usage') as string,
    })
  })
})

describe('over REST', () => {
  it('is paged without counting from the start, and filtered by user, action and subject', async () => {
    const all = await t.rest.call('audit.list', { query: { limit: 500 } })
    const seen: number[] = []
    for (let before: number | null | undefined = undefined; before !== null;) {
      const page: RouteReply<'audit.list'> = await t.rest.call('audit.list', {
        query: { limit: 2, ...(before !== undefined && { before }) },
      })
      seen.push(...page.entries.map((entry) => entry.id))
      before = page.next_before
    }
    expect(seen).toEqual(all.entries.map((entry) => entry.id))

    const { deviceId } = await t.enroll('LAB-01')
    const { software } = await t.rest.call('software.list', {})
    const body = { name: 'rollout', software_ids: [software[0]!.id], device_ids: [deviceId] }
    const { deployment_id } = await t.rest.call('deployments.create', { body })
    await t.rest.call('deployments.cancel', { params: { id: deployment_id } })
    const actions = async (query: object) =>
      (await t.rest.call('audit.list', { query: { ...query } })).entries.map((e) => e.action)
    await expect
      .poll(() => actions({ deployment_id }))
      .toEqual(['deployment.end', 'deployment.cancel', 'deployment.create'])
    expect((await actions({ device_id: deviceId })).at(-1)).toBe('device.enroll')
    expect(await actions({ device_id: deviceId })).toContain('deployment.create')
    expect(await actions({ actor: 'anna', action: 'deployment.cancel' })).toHaveLength(1)
    expect(await actions({ actor: ' ANNA ', action: 'deployment.cancel' })).toHaveLength(1)
    expect(await actions({ actor: 'nobody' })).toEqual([])
    expect((await t.rest.raw('GET', '/audit?action=made.up')).status).toBe(400)
    const [, , created] = (await t.rest.call('audit.list', { query: { deployment_id } })).entries
    expect(created).toMatchObject({
      address: '127.0.0.1',
      outcome: 'done',
      data: {
        device_count: 1,
        devices: [{ id: deviceId, name: 'LAB-01' }],
        devices_sha256: createHash('sha256').update(String(deviceId)).digest('hex'),
        packages: [{ sha256: software[0]!.installers[0]!.sha256, install_args: '' }],
      },
    })
  })

  it('verifies itself, and reports what does not match', async () => {
    const whole = await t.rest.call('audit.proof', {})
    expect(whole).toMatchObject({ whole: true, problems: [], problem_count: 0 })
    expect(whole.key_fingerprint).toMatch(/^sha256\//)
    tamper("update audit_log set subject = 'nothing' where id = 3")
    await t.restart() // a verification is cached for some seconds
    expect(await t.rest.call('audit.proof', {})).toMatchObject({ whole: false, problem_count: 1 })
  })

  it('lets the controller answer other requests while a long log is verified', async () => {
    withDatabase((db) =>
      db.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
        insert into audit_log (at, actor, action, subject, details, hash, format) select '2026', 'x', 'y', 'z', 'd', 'ff', 2 from n`),
    )
    const proof = t.rest.call('audit.proof', {})
    const startedMs = performance.now()
    let slowestMs = 0
    let done = false
    void proof.finally(() => (done = true))
    while (!done) {
      const startMs = performance.now()
      await t.anonymous.call('health.get', {})
      slowestMs = Math.max(slowestMs, performance.now() - startMs)
    }
    expect(await proof).toMatchObject({ whole: false, problem_count: 60_000 })
    // In one piece, it would delay one of them for almost the whole time.
    expect(slowestMs).toBeLessThan((performance.now() - startedMs) / 2)
  })
})

describe.skipIf(!process.features.typescript)('an export', () => {
  const SPITEFUL = "=cmd|'/c calc'!A1 \"quoted\",\ttab and 'quote"
  const exported = async (form: 'csv' | 'jsonl'): Promise<string> => {
    const reply = await t.rest.raw('GET', `/audit/export.${form}`)
    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-disposition')).toContain(`deployx-audit.${form}`)
    return reply.body as string
  }
  const proven = (text: string, ...more: string[]) => {
    const file = join(t.dataDir, 'export.txt')
    writeFileSync(file, text)
    return audit('--file', file, ...more)
  }
  it.each(['csv', 'jsonl'] as const)(
    'as %s verifies itself, with its signed ends',
    async (form) => {
      await t.rest.raw('POST', '/auth/login', { username: SPITEFUL.slice(0, 60), password: 'x' })
      await t.restart()
      const text = await exported(form)
      const key = ['--key', join(t.dataDir, 'keys', 'command-signing.key')]
      expect(await proven(text, ...key)).toMatchObject({
        code: 0,
        out: expect.stringMatching(
          /is intact: \d+ entries, 1 signed ends.*signed by the key sha256/,
        ) as string,
      })
      expect((await proven(text)).code).toBe(0)
      // One letter of an entry, one entry less, and the end cut off where it was signed.
      expect((await proven(text.replace('three', 'thrxe'))).code).toBe(1)
      const lines = text.split(/(?<=\n)/)
      expect((await proven(lines.toSpliced(3, 1).join(''), ...key)).code).toBe(1)
      expect((await proven('hello')).code).toBe(1)
      // Five processes one after the other.
    },
  )
  it.each([';', '\t'])(
    'as CSV separated by %j has one cell a column, and verifies itself',
    async (separator) => {
      await t.rest.call('groups.create', {
        body: { name: `${separator === ';' ? 'a;b' : 'a'}, "c"` },
      })
      const query = `?separator=${encodeURIComponent(separator)}`
      const { status, body } = await t.rest.raw('GET', `/audit/export.csv${query}`)
      expect(status).toBe(200)
      const [head, ...lines] = (body as string).trim().split('\r\n')
      expect(head!.split(separator)).toHaveLength(16)
      expect(lines.length).toBeGreaterThan(0)
      expect((await proven(body as string)).code).toBe(0)
    },
  )

  it('as CSV starts no formula in a spreadsheet', async () => {
    await t.rest.call('groups.create', { body: { name: '=1+1' } })
    await t.rest.call('users.create', {
      body: { username: '-2', password: 'correct horse', role: 'technician' },
    })
    const { token } = await t.anonymous.call('auth.login', {
      body: { username: '-2', password: 'correct horse' },
    })
    await createRestClient(t.controller.consoleUrl, token).call('groups.create', {
      body: { name: 'hers' },
    })
    const cells = (await exported('csv')).split(/[,\r\n]+/)
    expect(cells).toContain("'-2")
    expect(cells.filter((cell) => /^"?[=+\-@]/.test(cell))).toEqual([])
  })
})
