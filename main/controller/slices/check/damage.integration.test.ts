/**
 * Damaged data folders, as a table: for every file of the folder, what happens if it is missing,
 * empty, truncated, junk, foreign or in the wrong mode. A start refuses in one sentence that names
 * the file and the remedy, or repairs; it never deletes anything.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { filesOf, lostFiles, openFolder, refusalOf } from '../../test-kit/data-folders.ts'
import { startTestController } from '../../test-kit/test-controller.ts'

const KEY_NAMES = ['hub-tls.key', 'command-signing.key'] as const

let root: string
/** A stopped controller with an account, a PC and a package. */
let stopped: string
/** After a power cut in the first run: everything is in the log only. */
let unborn: string
/** After a power cut in a later run: the latest changes are in the log only. */
let crashed: string
/** Keys of another controller. */
let foreign: string
let fingerprint: string
let dir: string

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'deployx-damage-'))
  stopped = join(root, 'stopped')
  unborn = join(root, 'unborn')
  crashed = join(root, 'crashed')
  foreign = join(root, 'foreign')
  const controller = await startTestController({ dataDir: stopped, discovery: false })
  await controller.enroll('pc-1')
  await controller.addScript('tool')
  fingerprint = controller.controller.fingerprint
  cpSync(stopped, unborn, { recursive: true })
  await controller.restart()
  await controller.addScript('later', '#!/bin/sh\nexit 1\n')
  cpSync(stopped, crashed, { recursive: true })
  await controller.controller.stop()
  await (await openFolder(foreign)).close()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))
beforeEach(() => {
  dir = mkdtempSync(join(root, 'row-'))
  rmSync(dir, { recursive: true })
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const at = (...names: string[]): string => join(dir, ...names)
const cut = (name: string): void => truncateSync(at(name), Math.floor(statSync(at(name)).size / 2))
const empty = (name: string): void => truncateSync(at(name), 0)
const junk = (name: string): void => writeFileSync(at(name), randomBytes(statSync(at(name)).size))
const gone = (name: string): void => rmSync(at(name), { recursive: true })
const swap = (name: string): void => cpSync(join(foreign, name), at(name), { recursive: true })

type From = 'stopped' | 'unborn' | 'crashed'
type Row = [what: string, from: From, damage: () => void, names: string]

const INCOMPLETE: Row[] = [
  ['database missing', 'stopped', () => gone('deployx.db'), 'deployx.db'],
  ['database of 0 bytes', 'stopped', () => empty('deployx.db'), 'deployx.db'],
  ['database of 0 bytes beside its log', 'crashed', () => empty('deployx.db'), 'deployx.db'],
  ['database missing beside its log', 'crashed', () => gone('deployx.db'), 'deployx.db'],
  ['log missing in the first run', 'unborn', () => gone('deployx.db-wal'), 'deployx.db'],
  ['log of 0 bytes in the first run', 'unborn', () => empty('deployx.db-wal'), 'deployx.db'],
  ['half a log in the first run', 'unborn', () => cut('deployx.db-wal'), 'deployx.db'],
  ['a log of junk in the first run', 'unborn', () => junk('deployx.db-wal'), 'deployx.db'],
  [
    'a database without a table',
    'stopped',
    () => {
      gone('deployx.db')
      const db = new Database(at('deployx.db'))
      db.pragma('journal_mode = WAL')
      db.close()
    },
    'deployx.db',
  ],
  [
    'database and keys missing, packages there',
    'stopped',
    () => ['deployx.db', 'keys', 'database.json'].forEach(gone),
    'deployx.db',
  ],
  [
    'database and packages missing, keys there',
    'stopped',
    () => ['deployx.db', 'content', 'database.json'].forEach(gone),
    'deployx.db',
  ],
  [
    'a database without data beside packages',
    'stopped',
    () => {
      swap('deployx.db')
      gone('database.json')
    },
    'deployx.db',
  ],
  [
    'only a backup is left',
    'stopped',
    () => {
      renameSync(at('deployx.db'), at('deployx.db.backup-2026-01-01T00-00-00-000Z'))
      ;['keys', 'content', 'database.json'].forEach(gone)
    },
    'deployx.db.backup-2026-01-01T00-00-00-000Z',
  ],
]

const BEHIND: Row[] = [
  ['log missing', 'crashed', () => gone('deployx.db-wal'), 'deployx.db-wal'],
  [
    'log and its index missing',
    'crashed',
    () => ['deployx.db-wal', 'deployx.db-shm'].forEach(gone),
    'deployx.db-wal',
  ],
  ['log of 0 bytes', 'crashed', () => empty('deployx.db-wal'), 'deployx.db-wal'],
  ['half of the log', 'crashed', () => cut('deployx.db-wal'), 'deployx.db-wal'],
  ['a log of junk', 'crashed', () => junk('deployx.db-wal'), 'deployx.db-wal'],
  ['database of another controller', 'stopped', () => swap('deployx.db'), 'deployx.db'],
  [
    'an older copy of the database',
    'stopped',
    () => {
      const db = new Database(at('deployx.db'))
      db.exec("update controller_facts set value = '0' where name = 'run'")
      db.close()
    },
    'deployx.db',
  ],
]

const KEYS: Row[] = [
  ...KEY_NAMES.flatMap((name): Row[] => [
    [`${name} missing`, 'stopped', () => gone(`keys/${name}`), name],
    [`${name} empty`, 'stopped', () => empty(`keys/${name}`), name],
    [`half of ${name}`, 'stopped', () => cut(`keys/${name}`), name],
    [`${name} of another controller`, 'stopped', () => swap(`keys/${name}`), name],
    [`${name} of zeros`, 'stopped', () => writeFileSync(at('keys', name), Buffer.alloc(200)), name],
  ]),
  [
    'command-signing.key of another kind',
    'stopped',
    () =>
      writeFileSync(
        at('keys/command-signing.key'),
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
          type: 'pkcs8',
          format: 'pem',
        }),
      ),
    'command-signing.key',
  ],
  ['keys missing', 'stopped', () => gone('keys'), 'hub-tls.key'],
  [
    'keys empty',
    'stopped',
    () => {
      gone('keys')
      mkdirSync(at('keys'))
    },
    'hub-tls.key',
  ],
  ['all keys of another controller', 'stopped', () => swap('keys'), 'keys'],
  [
    'recovery.pub and every trace of it lost',
    'stopped',
    () => {
      ;['keys/recovery.pub', 'keys/recovery.key'].forEach(gone)
      const db = new Database(at('deployx.db'))
      db.exec("delete from controller_facts where name = 'keys'")
      db.close()
    },
    'recovery.pub',
  ],
  [
    'half a succession.json after a change of keys',
    'stopped',
    () => {
      writeFileSync(at('keys/succession.json'), '{"generation":0,"epo')
      const db = new Database(at('deployx.db'))
      db.exec(
        `update controller_facts set value = json_set(value, '$.epoch', 1) where name = 'keys'`,
      )
      db.close()
    },
    'succession.json',
  ],
  [
    'a keystore file missing beside sealed keys',
    'stopped',
    () =>
      writeFileSync(
        at('keys/hub-tls.key'),
        Buffer.concat([Buffer.from('DEPLOYX-SEALED-1\n'), randomBytes(300)]),
      ),
    'keystore.sealed',
  ],
]

async function expectRefusal(
  [, from, damage, names]: Row,
  code: string,
): Promise<Error & { code: string }> {
  cpSync({ stopped, unborn, crashed }[from], dir, { recursive: true })
  damage()
  const before = filesOf(dir)
  const error = await refusalOf(() => openFolder(dir))
  expect(error.code).toBe(code)
  expect(error.message).toContain(names)
  expect(error.message).toMatch(/--start-over/)
  expect(error.message).not.toMatch(/BEGIN|\n/)
  expect(filesOf(dir)).toEqual(before)
  // A second start reports the same: the inspection destroyed no evidence.
  expect((await refusalOf(() => openFolder(dir))).message).toBe(error.message)
  expect(filesOf(dir)).toEqual(before)
  return error
}

describe('a start is refused and deletes nothing', () => {
  it.each(INCOMPLETE)('%s', async (...row) => {
    const error = await expectRefusal(row, 'E_DATA_INCOMPLETE')
    expect((await refusalOf(() => openFolder(dir, 'accept_older'))).code).toBe(error.code)
  })
  it.each(BEHIND)('%s', async (...row) => {
    await expectRefusal(row, 'E_DATABASE_BEHIND')
  })
  it.each(KEYS)('%s', async (...row) => {
    await expectRefusal(row, 'E_KEYS_DAMAGED')
  })
  it('a database of another program', async () => {
    cpSync(stopped, dir, { recursive: true })
    gone('deployx.db')
    const db = new Database(at('deployx.db'))
    db.exec('create table invoices (id)')
    db.close()
    const before = filesOf(dir)
    expect(await refusalOf(() => openFolder(dir))).toMatchObject({ code: 'E_DATABASE' })
    expect(filesOf(dir)).toEqual(before)
  })
  it('a damaged database, which is moved aside', async () => {
    cpSync(stopped, dir, { recursive: true })
    junk('deployx.db')
    const before = filesOf(dir)
    expect(await refusalOf(() => openFolder(dir))).toMatchObject({ code: 'E_DATABASE_CORRUPT' })
    expect(new Set(filesOf(dir).values())).toEqual(new Set(before.values()))
    // A further start does not create a new one beside it.
    expect(await refusalOf(() => openFolder(dir))).toMatchObject({ code: 'E_DATA_INCOMPLETE' })
  })
})

type Repair = [what: string, damage: () => void, logged: RegExp | null]
const REPAIRS: Repair[] = [
  ['certificate missing', () => gone('keys/hub-tls.crt'), /hub-tls\.crt/],
  ['certificate empty', () => empty('keys/hub-tls.crt'), /hub-tls\.crt/],
  ['certificate cut', () => cut('keys/hub-tls.crt'), /hub-tls\.crt/],
  ['certificate of another key', () => swap('keys/hub-tls.crt'), /hub-tls\.crt/],
  ['command-signing.pub missing', () => gone('keys/command-signing.pub'), /signing\.pub/],
  ['command-signing.pub cut', () => cut('keys/command-signing.pub'), /signing\.pub/],
  ['command-signing.pub foreign', () => swap('keys/command-signing.pub'), /signing\.pub/],
  ['recovery.pub missing', () => gone('keys/recovery.pub'), /recovery\.pub/],
  ['recovery.pub junk', () => junk('keys/recovery.pub'), /recovery\.pub/],
  ['recovery.key empty', () => empty('keys/recovery.key'), /no recovery file can be saved/],
  ['recovery.key missing', () => gone('keys/recovery.key'), /no recovery file can be saved/],
  ['recovery.key foreign', () => swap('keys/recovery.key'), /no recovery file can be saved/],
  [
    'access-token.key of 3 bytes',
    () => writeFileSync(at('keys/access-token.key'), 'abc'),
    /has to sign in again/,
  ],
  ['access-token.key empty', () => empty('keys/access-token.key'), /has to sign in again/],
  ['access-token.key missing', () => gone('keys/access-token.key'), /has to sign in again/],
  ['content.key empty', () => empty('keys/content.key'), /content\.key/],
  ['content.key junk', () => writeFileSync(at('keys/content.key'), 'x'), /content\.key/],
  [
    'succession.json half-written without a change of keys',
    () => writeFileSync(at('keys/succession.json'), '{"gener'),
    /succession\.json/,
  ],
  [
    'keys.next with nothing but its seal',
    () => {
      mkdirSync(at('keys.next'))
      writeFileSync(at('keys.next/whole'), '')
    },
    /moved aside/,
  ],
  [
    'keys.next sealed, with an empty key',
    () => {
      cpSync(at('keys'), at('keys.next'), { recursive: true })
      writeFileSync(at('keys.next/whole'), '')
      empty('keys.next/hub-tls.key')
    },
    /moved aside/,
  ],
  ['database.json missing', () => gone('database.json'), null],
  ['database.json half-written', () => cut('database.json'), null],
  ['lock file missing', () => gone('controller.lock'), null],
  [
    'junk in place of a log after a clean stop',
    () => writeFileSync(at('deployx.db-wal'), 'junk'),
    /moved aside/,
  ],
  ['packages missing', () => gone('content'), /stored file is missing/],
  [
    'a package the database does not know',
    () => {
      mkdirSync(at('content/ff'), { recursive: true })
      writeFileSync(at('content/ff', 'f'.repeat(64)), 'precious')
    },
    /moved aside/,
  ],
]

describe('a start repairs, and loses nothing', () => {
  it.each(REPAIRS)('%s', async (_what, damage, logged) => {
    cpSync(stopped, dir, { recursive: true })
    damage()
    const before = filesOf(dir)
    const opened = await openFolder(dir)
    await opened.close()
    expect(opened.keys.fingerprint).toBe(fingerprint)
    expect(opened).toMatchObject({ users: 1, devices: 1 })
    if (logged) expect(opened.logged()).toMatch(logged)
    expect(lostFiles(before, filesOf(dir))).toEqual([])
    // The second start has nothing left to repair, except what cannot be repaired.
    const again = await openFolder(dir)
    await again.close()
    if (logged && !/recovery file|missing/.test(logged.source))
      expect(again.logged()).not.toMatch(logged)
  })

  it('opens the folder after a power cut, with the changes in its log', async () => {
    cpSync(crashed, dir, { recursive: true })
    const opened = await openFolder(dir)
    await opened.close()
    expect(opened).toMatchObject({ users: 1, devices: 1 })
    expect(opened.logged()).toBe('')
  })
})

describe('a user decides after a refusal', () => {
  it.each([
    ['an empty database', () => empty('deployx.db')],
    ['a lost key', () => gone('keys/hub-tls.key')],
    ['the database of another controller', () => swap('deployx.db')],
  ])('to start over after %s: all old files are moved aside', async (_, damage) => {
    cpSync(stopped, dir, { recursive: true })
    damage()
    const before = filesOf(dir)
    const opened = await openFolder(dir, 'start_over')
    await opened.close()
    expect(opened).toMatchObject({ users: 0, devices: 0 })
    expect(opened.keys.fingerprint).not.toBe(fingerprint)
    const aside = readdirSync(dir).find((name) => name.startsWith('before-start-over-'))
    expect(filesOf(at(aside!))).toEqual(before)
    // The option has no effect on an intact folder, so it may stay in a service.
    const again = await openFolder(dir, 'start_over')
    await again.close()
    expect(again.keys.fingerprint).toBe(opened.keys.fingerprint)
  })

  it('to continue with an older database, which later starts accept', async () => {
    cpSync(stopped, dir, { recursive: true })
    const older = new Database(at('deployx.db'))
    older.exec("update controller_facts set value = '0' where name = 'run'")
    older.close()
    const opened = await openFolder(dir, 'accept_older')
    await opened.close()
    expect(opened).toMatchObject({ users: 1, devices: 1 })
    await (await openFolder(dir)).close()
  })
})

describe('without enrolled PCs', () => {
  it('broken keys are moved aside and created again, and old signatures stay verifiable', async () => {
    cpSync(foreign, dir, { recursive: true })
    const first = await openFolder(dir)
    await first.close()
    const old = first.keys
    empty('keys/command-signing.key')
    const before = filesOf(dir)
    const opened = await openFolder(dir)
    await opened.close()
    expect(lostFiles(before, filesOf(dir))).toEqual([])
    expect(opened.keys.command.publicKey).not.toBe(old.command.publicKey)
    expect(opened.keys.succession.past.map(({ public_key }) => public_key)).toEqual([
      old.command.publicKey,
    ])
  })
})
