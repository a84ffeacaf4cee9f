/**
 * The database file: migrated with a backup, checked at every opening, never overwritten when
 * damaged, one controller at a time.
 */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { MARK_FILE } from './mark-file.ts'
import { openStore } from './store.ts'
import { migrationsUpTo } from '../test-kit/old-migrations.ts'
import { MIGRATIONS_DIR } from '../test-kit/paths.ts'

let folder: string
let dataDir: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-store-'))
  dataDir = join(folder, 'data')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const file = () => join(dataDir, 'deployx.db')
const open = (migrationsDir = MIGRATIONS_DIR) =>
  openStore({ dataDir, migrationsDir, clock: systemClock, random: systemRandom })
const filesLike = (part: string) =>
  readdirSync(dataDir).filter((name) => name.includes(part) && !/-(wal|shm)$/.test(name))
const errorOf = (work: () => unknown): { code?: string; message: string } => {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not throw')
}

it("opens an older version's database, and keeps a backup of it", () => {
  const old = open(migrationsUpTo(folder, 1))
  old.sqlite.exec(`insert into deployments
    (name, status, created_at, action, strategy_type, max_concurrent, offline_policy, wait_minutes, software_names, device_count)
    values ('half-way', 'in_progress', '2026', 'install', 'parallel', 7, 'fail', 60, '[]', 1),
           ('not begun', 'pending', '2026', 'install', 'parallel', 9, 'fail', 60, '[]', 1)`)
  old.close()

  const store = open()
  const rows = store.sqlite
    .prepare('select name, strategy, wave from deployments order by id')
    .all()
  store.close()
  expect(rows).toEqual([
    { name: 'half-way', strategy: '{"max_concurrent":7}', wave: 1 },
    { name: 'not begun', strategy: '{"max_concurrent":9}', wave: 0 },
  ])
  const [backup, ...more] = filesLike('.backup-')
  expect(more).toEqual([])
  const before = new Database(join(dataDir, backup!), { readonly: true })
  expect(before.prepare('select max_concurrent from deployments').pluck().all()).toEqual([7, 9])
  before.close()

  open().close()
  expect(filesLike('.backup-')).toHaveLength(1) // no migration was due, so there is no second backup
})

it("refuses a newer version's database without touching it", () => {
  open().close()
  const before = readFileSync(file())
  const error = errorOf(() => open(migrationsUpTo(folder, 1)))
  expect(error).toMatchObject({ code: 'E_DATABASE' })
  expect(error.message).toContain('newer version')
  expect(readFileSync(file())).toEqual(before)
  open().close() // the lock is free again
})

it.each([
  ['its header', 0],
  ['a page in the middle', 3 * 4096],
])('moves a database with damage in %s aside, and changes no byte of it', (_where, at) => {
  const store = open()
  store.sqlite.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
    insert into audit_log (at, actor, action, subject, details) select '2026', 'x', 'y', 'z', hex(randomblob(50)) from n`)
  store.close()
  const damaged = readFileSync(file())
  damaged.fill(0xa5, at, at + 4096)
  writeFileSync(file(), damaged)

  const error = errorOf(() => open())
  expect(error).toMatchObject({ code: 'E_DATABASE_CORRUPT' })
  const [aside] = filesLike('.damaged-')
  expect(error.message).toContain(aside)
  expect(readFileSync(join(dataDir, aside!))).toEqual(damaged)
  const fresh = open()
  expect(fresh.sqlite.prepare('select count(*) from audit_log').pluck().get()).toBe(0)
  fresh.close()
})

/** Creates a database of at least this size, closed cleanly. It has a damaged page that only a check reads. */
function damagedDatabase(bytes: number): void {
  const store = open()
  store.sqlite.exec("create table unread (text); insert into unread values ('x')")
  const page = store.sqlite
    .prepare<[], number>("select rootpage from sqlite_schema where name = 'unread'")
    .pluck()
    .get()!
  store.close()
  const content = readFileSync(file())
  writeFileSync(file(), content.fill(0xa5, (page - 1) * 4096, page * 4096))
  // SQLite ignores what follows the pages that its header counts.
  if (bytes > content.length) truncateSync(file(), bytes)
}
const LARGE_BYTES = 64 * 1024 * 1024
const mark = () =>
  JSON.parse(readFileSync(join(dataDir, MARK_FILE), 'utf8')) as { run: number; open: boolean }

it('does not check a large database again after a clean stop', () => {
  damagedDatabase(LARGE_BYTES)
  expect(mark().open).toBe(false)
  const store = open()
  expect(mark().open).toBe(true)
  store.close()
  expect(filesLike('.damaged-')).toEqual([])
})

it.each([
  ['a small one after a clean stop', 0, () => mark()],
  ['a large one after an unclean stop', LARGE_BYTES, () => ({ ...mark(), open: true })],
  ['a large one that is an older copy', LARGE_BYTES, () => ({ ...mark(), run: mark().run + 1 })],
  ['a large one that was replaced', LARGE_BYTES, () => ({ ...mark(), database_id: 'other' })],
  ['a large one without a mark', LARGE_BYTES, () => null],
])('checks %s', (_which, bytes, marked) => {
  damagedDatabase(bytes)
  writeFileSync(join(dataDir, MARK_FILE), JSON.stringify(marked()))
  expect(errorOf(() => open())).toMatchObject({ code: 'E_DATABASE_CORRUPT' })
})

it('enforces references, and its commits survive a power cut', () => {
  const store = open()
  expect(store.sqlite.pragma('foreign_keys', { simple: true })).toBe(1)
  expect(store.sqlite.pragma('journal_mode', { simple: true })).toBe('wal')
  expect(store.sqlite.pragma('synchronous', { simple: true })).toBe(2) // FULL
  const orphan = () =>
    store.sqlite.exec(
      "insert into deployment_attempts (attempt_id, target_id, attempt, created_at) values ('a', 99, 1, '2026')",
    )
  expect(errorOf(orphan)).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
  store.close()
})

it('admits one controller at a time', () => {
  const first = open()
  expect(errorOf(() => open())).toMatchObject({ code: 'E_DATA_LOCKED' })
  first.close()
  open().close()
})

it('rolls back a failed transaction completely', () => {
  const store = open()
  const add = (subject: string) =>
    store.sqlite
      .prepare(
        "insert into audit_log (at, actor, action, subject, details) values ('2026', 'x', 'y', ?, '')",
      )
      .run(subject)
  const half = () =>
    store.transaction(() => {
      add('first')
      throw new Error('no')
    })
  expect(half).toThrow('no')
  expect(store.sqlite.prepare('select count(*) from audit_log').pluck().get()).toBe(0)
  store.close()
})
