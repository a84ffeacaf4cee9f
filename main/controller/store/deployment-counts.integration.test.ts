/** How many deployments each user has in each state always equals a count of the table. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { migrationsUpTo } from '../test-kit/old-migrations.ts'
import { MIGRATIONS_DIR } from '../test-kit/paths.ts'
import { openStore } from './store.ts'

/** The number of migrations before the one with these counts. */
const BEFORE = 19
const AT = '2026-11-23T10:00:00.000Z'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-counts-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const open = (migrationsDir = MIGRATIONS_DIR) =>
  openStore({ dataDir: folder, migrationsDir, clock: systemClock, random: systemRandom })

const users = `insert into users (id, username, password_hash, role, created_at)
  values (1, 'anna', 'x', 'admin', '${AT}'), (2, 'ben', 'x', 'technician', '${AT}')`
const add = (id: number, owner: number | null, status: string) =>
  `insert into deployments (id, name, status, created_by, created_at, action, strategy_type, offline_policy, wait_minutes, software_names, device_count)
   values (${id}, 'd', '${status}', ${owner}, '${AT}', 'install', 'parallel', 'fail', 60, '[]', 1)`

const kept = (sqlite: Database.Database) =>
  sqlite
    .prepare('select * from deployment_counts where deployments <> 0 order by owner_id, status')
    .all()
const counted = (sqlite: Database.Database) =>
  sqlite
    .prepare(
      `select coalesce(created_by, 0) owner_id, status, count(*) deployments
       from deployments group by 1, 2 order by 1, 2`,
    )
    .all()

it('follows each change of a deployment', () => {
  const store = open()
  store.sqlite.exec(users)
  const steps: [string, string][] = [
    ['the first one', add(1, 1, 'pending')],
    ['another of the same user', add(2, 1, 'pending')],
    ["another user's", add(3, 2, 'in_progress')],
    ["nobody's", add(4, null, 'completed')],
    ['a start', "update deployments set status = 'in_progress' where id = 1"],
    ['a cancellation', "update deployments set status = 'canceled' where id = 1"],
    ['a retry', "update deployments set status = 'in_progress' where id = 1"],
    ['another column', "update deployments set name = 'new', completed = 3 where id = 1"],
    ['the same values', 'update deployments set status = status, created_by = created_by'],
    ['another owner', 'update deployments set created_by = 2 where id = 2'],
    ['owner and state', "update deployments set created_by = 1, status = 'failed' where id = 2"],
    ['no owner', 'update deployments set created_by = null where id = 1'],
    ['an owner again', 'update deployments set created_by = 1 where id = 1'],
    ['a removed account', 'delete from users where id = 2'],
    ['a removed deployment', 'delete from deployments where id = 3'],
    ['several at the same time', "update deployments set status = 'canceled', created_by = 1"],
    ['none left', 'delete from deployments'],
  ]
  for (const [what, statement] of steps) {
    store.sqlite.exec(statement)
    expect(kept(store.sqlite), what).toEqual(counted(store.sqlite))
  }
  store.close()
})

it('does not count what was rolled back', () => {
  const store = open()
  store.sqlite.exec(users)
  store.sqlite.exec(add(1, 1, 'pending'))
  const half = (): void =>
    store.transaction(() => {
      store.sqlite.exec(`${add(2, 1, 'pending')}; update deployments set status = 'failed'`)
      throw new Error('no')
    })
  expect(half).toThrow('no')
  expect(kept(store.sqlite)).toEqual([{ owner_id: 1, status: 'pending', deployments: 1 }])
  store.close()
})

it("counts an older version's deployments when it is updated", () => {
  const old = open(migrationsUpTo(folder, BEFORE))
  old.sqlite.exec(users)
  for (const [i, status] of ['completed', 'completed', 'failed'].entries())
    old.sqlite.exec(add(i + 1, i === 0 ? null : 1, status))
  old.close()
  const store = open()
  expect(kept(store.sqlite)).toEqual([
    { owner_id: 0, status: 'completed', deployments: 1 },
    { owner_id: 1, status: 'completed', deployments: 1 },
    { owner_id: 1, status: 'failed', deployments: 1 },
  ])
  store.close()
})
