/** What the code promises about its rows also holds in the schema: for two connections, and for databases that broke it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { createDeploymentsRepo } from '../slices/deployments/tables/deployments.repo.ts'
import { createUsersRepo } from '../slices/users/users.repo.ts'
import { migrationsUpTo } from '../test-kit/old-migrations.ts'
import { MIGRATIONS_DIR } from '../test-kit/paths.ts'
import { openStore } from './store.ts'

/** The number of migrations before the one with these indexes. */
const BEFORE = 17
const AT = '2026-11-23T10:00:00.000Z'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-promises-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const open = (migrationsDir = MIGRATIONS_DIR) =>
  openStore({ dataDir: folder, migrationsDir, clock: systemClock, random: systemRandom })

/** One device, one software, two deployments with a target each on the device. */
const ROWS = `
  insert into devices (id, name, platform, arch, os_version, agent_version, public_key, approved, enrolled_at)
    values (1, 'PC-1', 'linux', 'x64', '', '', 'k', 1, '${AT}');
  insert into software (id, name, version, publisher, origin, created_at) values (1, 'VLC', '', '', 'library', '${AT}');
  insert into deployments (id, name, status, created_at, action, strategy_type, offline_policy, wait_minutes, software_names, device_count)
    values (1, 'a', 'in_progress', '${AT}', 'install', 'parallel', 'fail', 60, '[]', 1),
           (2, 'b', 'in_progress', '${AT}', 'install', 'parallel', 'fail', 60, '[]', 1);
  insert into deployment_targets (id, deployment_id, device_id, software_id, position, deployment_status, since, attempt_id, attempt)
    values (1, 1, 1, 1, 0, 'pending', '${AT}', 'a2', 2), (2, 2, 1, 1, 0, 'pending', '${AT}', null, 1);`
const user = (name: string, key: string | null) =>
  `insert into users (username, ${key === null ? '' : 'name_key,'} password_hash, role, created_at)
   values ('${name}', ${key === null ? '' : `'${key}',`} 'x', 'admin', '${AT}')`
const installer = (file: string, arch = 'x64') =>
  `insert into installers (software_id, platform, arch, kind, file_name, install_args, timeout_seconds, success_exit_codes, fetch_state)
   values (1, 'linux', '${arch}', 'sh', '${file}', '', 60, '[]', 'none')`
const attempt = (id: string, number: number) =>
  `insert into deployment_attempts (attempt_id, target_id, attempt, created_at) values ('${id}', 1, ${number}, '${AT}')`
const entry = (previous: string, hash: string) =>
  `insert into audit_log (at, actor, action, subject, details, hash, previous) values ('${AT}', 'a', 'b', 'c', '', '${hash}', '${previous}')`

describe('a second write that breaks a promise', () => {
  it.each([
    ['a user whose name differs only in case', user('Jörg', 'jörg'), user('JÖRG', 'jörg')],
    [
      'a group whose name differs only in case',
      `insert into device_groups (name, name_key, created_at) values ('Büro', 'büro', '${AT}')`,
      `insert into device_groups (name, name_key, created_at) values ('BÜRO', 'büro', '${AT}')`,
    ],
    ['an installer for the same platform', installer('a.sh'), installer('b.sh')],
    ['a live attempt of the same target', attempt('a1', 1), attempt('a2', 2)],
    [
      'an unanswered command to the same device',
      'update deployment_targets set offered_at_ms = 1 where id = 1',
      'update deployment_targets set offered_at_ms = 2 where id = 2',
    ],
    ['an audit entry after the same one', entry('', 'h1'), entry('', 'h2')],
  ])('is refused with a code: %s', (_what, first, second) => {
    const store = open()
    store.sqlite.exec(ROWS)
    const other = new Database(store.file)
    other.exec(first)
    const write = () => store.transaction(() => store.sqlite.exec(second))
    expect(write).toThrow(expect.objectContaining({ name: 'AppError', code: 'E_CONFLICT' }))
    other.close()
    store.close()
  })

  it('allows an installer for another architecture, and a new attempt after the end of the last', () => {
    const store = open()
    store.sqlite.exec(ROWS)
    store.sqlite.exec(`${installer('a.sh')}; ${installer('b.sh', 'arm64')}; ${attempt('a1', 1)};`)
    store.sqlite.exec(`update deployment_attempts set ended_at = '${AT}'; ${attempt('a2', 2)}`)
    store.close()
  })
})

it('exchanges a refresh token once, even for two connections', () => {
  const store = open()
  const repo = createUsersRepo(store)
  const { id } = repo.insert({ username: 'a', password_hash: 'x', role: 'admin', created_at: AT })
  const session = { refresh_hash: 'first', expires_at: '2027', last_used_at: AT }
  repo.addSession({ id: 's', user_id: id, created_at: AT, ...session }, 5)
  const change = { ...session, address: null, client: null }
  const exchange = (to: string) =>
    repo.rotateSession('first', { ...change, refresh_hash: to }, AT, '2025')
  const other = new Database(store.file)
  other.exec('begin')
  expect(other.prepare('select count(*) from sessions').pluck().get()).toBe(1)
  expect(exchange('second')).toMatchObject({ id: 's', refresh_hash: 'second' })
  expect(exchange('third')).toBeUndefined()
  expect(repo.sessionBySpent('first')).toMatchObject({ id: 's', refresh_hash: 'second' })
  other.close()
  store.close()
})

it('refuses the refresh token of a user who may not sign in, and of an expired session', () => {
  const store = open()
  const repo = createUsersRepo(store)
  const { id } = repo.insert({ username: 'a', password_hash: 'x', role: 'admin', created_at: AT })
  const change = {
    refresh_hash: 'h',
    expires_at: '2027',
    last_used_at: AT,
    address: null,
    client: null,
  }
  repo.addSession({ id: 's', user_id: id, created_at: AT, ...change }, 5)
  expect(repo.rotateSession('h', change, '2028', '2025')).toBeUndefined()
  repo.update(id, { disabled_at: AT })
  expect(repo.rotateSession('h', change, AT, '2025')).toBeUndefined()
  store.close()
})

it('gives the role of a removed account to nothing that it still owns', () => {
  const store = open()
  const repo = createUsersRepo(store)
  const { id } = repo.insert({ username: 'a', password_hash: 'x', role: 'admin', created_at: AT })
  const { roleOf } = createDeploymentsRepo(store)
  expect(roleOf(id)).toBe('admin')
  repo.markRemoved(id, null, AT)
  expect(roleOf(id)).toBeNull()
  store.close()
})

it('opens a database that broke every promise, and keeps all its rows', () => {
  const old = open(migrationsUpTo(folder, BEFORE))
  old.sqlite.exec(ROWS)
  for (const name of ['Jörg', 'JÖRG', 'Anna']) old.sqlite.exec(user(name, null))
  for (const name of ['Büro', 'BÜRO', 'büro'])
    old.sqlite.exec(`insert into device_groups (name, created_at) values ('${name}', '${AT}')`)
  for (const file of ['a.sh', 'b.sh', 'c.sh']) old.sqlite.exec(installer(file))
  for (const [id, n] of [
    ['a1', 1],
    ['a2', 2],
    ['a3', 3],
  ] as const)
    old.sqlite.exec(attempt(id, n))
  old.sqlite.exec('update deployment_targets set offered_at_ms = 1')
  for (const hash of ['h1', 'h2'])
    old.sqlite.exec(
      `insert into audit_log (at, actor, action, subject, details, hash) values ('${AT}', 'a', 'b', 'c', '', '${hash}')`,
    )
  old.close()

  const store = open()
  const all = (sql: string) => store.sqlite.prepare(sql).raw().all()
  // The oldest of each has the name or the place; the others stay as they are.
  expect(all('select username, name_key from users order by id')).toEqual([
    ['Jörg', 'jörg'],
    ['JÖRG', null],
    ['Anna', 'anna'],
  ])
  expect(all('select name, name_key from device_groups order by id')).toEqual([
    ['Büro', 'büro'],
    ['BÜRO', null],
    ['büro', null],
  ])
  expect(all('select file_name, is_duplicate from installers order by id')).toEqual([
    ['a.sh', 0],
    ['b.sh', 1],
    ['c.sh', 1],
  ])
  // The attempt that the target names stays live.
  expect(
    all('select attempt_id, ended_at, reason from deployment_attempts order by attempt'),
  ).toEqual([
    ['a1', AT, 'interrupted'],
    ['a2', null, null],
    ['a3', AT, 'interrupted'],
  ])
  // Every start forgets unanswered commands; they are sent again.
  expect(all('select offered_at_ms from deployment_targets')).toEqual([[null], [null]])
  expect(all('select hash, previous from audit_log order by id')).toEqual([
    ['h1', null],
    ['h2', null],
  ])
  store.close()
})
