/** The audit trail cannot be changed unseen: not through the controller, not in its file, not by cutting it short. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandKeys } from '../identity/index.ts'
import { startTestController, type TestController } from '../test-kit/test-controller.ts'
import { proveTrail, type ChainReport } from './index.ts'

const PROGRAM = join(import.meta.dirname, '..', '..', 'audit.ts')

let t: TestController
beforeEach(async () => {
  t = await startTestController()
  for (const name of ['one', 'two', 'three', 'four']) await t.addScript(name)
})
afterEach(() => t.stop())

function withDatabase<T>(work: (db: Database.Database) => T): T {
  const db = new Database(join(t.dataDir, 'deployx.db'), { timeout: 5_000 })
  try {
    return work(db)
  } finally {
    db.close()
  }
}
/** As somebody who has the file, and whom no trigger stops. */
const tamper = (statement: string): void =>
  withDatabase((db) => {
    db.exec('drop trigger audit_log_no_update; drop trigger audit_log_no_delete')
    db.exec(statement)
  })
const check = (): ChainReport => proveTrail(join(t.dataDir, 'deployx.db'), commandKeys(t.dataDir))
const audit = (...args: string[]): Promise<{ code: number; out: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr }),
    )
  })

describe('the trail', () => {
  it('is whole over a restart, and its end is signed when the controller stops', async () => {
    expect(check()).toMatchObject({ unchained: 0, signedEnds: 0, signedUpTo: null, problems: [] })
    await t.restart()
    const after = check()
    expect(after).toMatchObject({ signedEnds: 1, signedUpTo: after.entries, problems: [] })
    await t.addScript('five')
    expect(check()).toMatchObject({ entries: after.entries + 1, problems: [] })
  })

  it('is not changed or shortened through any connection', () => {
    for (const statement of ["update audit_log set actor = 'x'", 'delete from audit_log'])
      expect(() => withDatabase((db) => db.exec(statement))).toThrow('append-only')
    expect(check().problems).toEqual([])
  })

  it('stays provable when the key that signs its ends has changed', async () => {
    await t.restart()
    await t.rest.call('controller.rotate', { body: { command: true } })
    await t.restart()
    expect(check()).toMatchObject({ signedEnds: 2, problems: [] })
  })

  it('goes on where it was when a decision is undone', async () => {
    const refused = await t.rest.raw('POST', '/deployments/create', { name: 'x', software_ids: [1], device_ids: [99] }) // prettier-ignore
    expect(refused.status).toBe(404)
    await t.addScript('after')
    expect(check().problems).toEqual([])
  })

  it.each([
    ['an entry is changed', "update audit_log set details = 'nothing' where id = 3"],
    ['who did it is changed', "update audit_log set actor = 'ben' where id = 3"],
    ['an entry is taken out', 'delete from audit_log where id = 3'],
    [
      'one is put in',
      "insert into audit_log (id, at, actor, action, subject, details, hash) values (0, '2026', 'x', 'y', 'z', '', 'ff')",
    ],
    ['two change places', 'update audit_log set id = 99 where id = 3'],
  ])('tells when %s', (_what, statement) => {
    tamper(statement)
    expect(check().problems.length).toBeGreaterThan(0)
  })

  it('tells when its end is cut off, or made anew, after it was signed', async () => {
    await t.restart()
    tamper('delete from audit_log where id > 2')
    expect(check().problems).toMatchObject([
      expect.stringMatching(/signed at .* not there any more/),
    ])
  })

  it('tells when a signed end is forged', async () => {
    await t.restart()
    withDatabase((db) => db.exec("update audit_heads set at = '2020-01-01T00:00:00.000Z'"))
    expect(check().problems).toMatchObject([expect.stringContaining('is not genuine')])
  })

  it('is found by its words and its time, and shows a technician his own', async () => {
    const found = (query: object) => t.rest.call('audit.list', { query: { ...query } })
    expect((await found({ q: 'three' })).entries).toHaveLength(1)
    expect((await found({ q: 'no such thing' })).total).toBe(0)
    expect((await found({ since: '2099-01-01T00:00:00Z' })).total).toBe(0)
    expect((await found({ until: '2099-01-01T00:00:00Z' })).total).toBeGreaterThan(4)
    expect((await t.rest.raw('GET', '/audit?since=yesterday')).status).toBe(400)
  })
})

// The command runs from the sources, which Electron's Node does not take.
describe.skipIf(!process.features.typescript)('npm run audit', () => {
  it('proves it while the controller runs, and ends with 1 when it is not whole', async () => {
    expect(await audit('--data', t.dataDir)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^The audit trail is whole: \d+ entries/) as string,
    })
    tamper("update audit_log set details = 'nothing' where id = 3")
    const told = await audit('--data', t.dataDir, '--json')
    expect(told.code).toBe(1)
    expect(JSON.parse(told.out)).toMatchObject({ whole: false, problems: expect.any(Array) as [] })
  })

  it('tells what is wrong with its use, and ends with 2', async () => {
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
