/**
 * The full check of a data folder whose controller runs or is stopped, over REST and from the
 * command line. It changes nothing.
 */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CheckReport, type CheckCode, type CheckFinding } from '#shared/contract/rest/check.ts'
import { readCoded } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'
import { closeDataFolder } from '../../store/private-folder.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'
import { checkFolder, type CheckProgress } from './full.ts'
import { MIGRATIONS_DIR, PROJECT_ROOT } from '../../test-kit/paths.ts'

const SECRET_LINE = 'PIDKEY=ABCDE-12345-FGHIJ-67890'

let root: string
let live: TestController
let stopped: string
let dir: string
const packages: string[] = []

const packageFiles = (dataDir: string): string[] =>
  readdirSync(join(dataDir, 'content'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\/[0-9a-f]{64}$/.test(name))
    .map((name) => join('content', name))
    .sort()

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'deployx-checked-'))
  stopped = join(root, 'stopped')
  live = await startTestController({ dataDir: join(root, 'live'), discovery: false })
  await live.enroll('pc-1')
  await live.addScript('tool')
  await live.addScript('other', '#!/bin/sh\nexit 1\n')
  const suite = { name: 'suite.sh', bytes: '#!/bin/sh\nexit 2\n' }
  const { status } = await live.rest.upload('/software', suite, { install_args: SECRET_LINE })
  expect(status).toBeLessThan(300)
  await live.controller.stop()
  cpSync(live.dataDir, stopped, { recursive: true })
  packages.push(...packageFiles(stopped))
  await live.restart()
})
afterAll(async () => {
  await live.controller.stop()
  rmSync(root, { recursive: true, force: true })
})
beforeEach(() => {
  dir = mkdtempSync(join(root, 'row-'))
  cpSync(stopped, dir, { recursive: true })
  // Node creates the folders of a copy with default modes.
  closeDataFolder(dir)
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const at = (name: string): string => join(dir, name)
const check = (dataDir: string, signal?: AbortSignal, seen: CheckProgress[] = []) =>
  checkFolder(
    { dataDir, migrationsDir: MIGRATIONS_DIR, vaultKey: null, addresses: ['192.0.2.1:7480'] },
    (progress) => seen.push(progress),
    signal ?? new AbortController().signal,
  )
/** Name, mode, size, modification time and hash of every file and folder. */
const snapshot = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode, size, mtimeMs } = statSync(join(folder, name))
      const isFile = statSync(join(folder, name)).isFile()
      const bytes = isFile
        ? createHash('sha256')
            .update(readFileSync(join(folder, name)))
            .digest('hex')
        : ''
      return `${name} ${mode.toString(8)} ${size} ${mtimeMs} ${bytes}`
    })

describe('an intact folder', () => {
  it('has no findings, whether its controller runs or not, and is unchanged byte for byte', async () => {
    const before = snapshot(dir)
    const seen: CheckProgress[] = []
    expect(await check(dir, undefined, seen)).toEqual([])
    expect(snapshot(dir)).toEqual(before)
    const last = seen.at(-1)
    expect(last?.done_bytes).toBe(last?.total_bytes)
    expect(last?.total_bytes).toBeGreaterThan(0)
    expect(await check(live.dataDir)).toEqual([])
  })
})

describe('the full check finds', () => {
  const rows: [what: string, damage: () => void, code: CheckCode, file: () => string][] = [
    [
      'an empty database',
      () => truncateSync(at('deployx.db'), 0),
      'database_empty',
      () => 'deployx.db',
    ],
    ['no database', () => rmSync(at('deployx.db')), 'database_missing', () => 'deployx.db'],
    [
      'a damaged page',
      () => {
        const bytes = readFileSync(at('deployx.db'))
        bytes.fill(0xa5, 12 * 4096, 13 * 4096)
        writeFileSync(at('deployx.db'), bytes)
      },
      'database_damaged',
      () => 'deployx.db',
    ],
    ['a lost key', () => rmSync(at('keys/hub-tls.key')), 'key_missing', () => 'keys/hub-tls.key'],
    [
      'an empty key',
      () => truncateSync(at('keys/command-signing.key'), 0),
      'key_empty',
      () => 'keys/command-signing.key',
    ],
    [
      'a damaged certificate',
      () => truncateSync(at('keys/hub-tls.crt'), 9),
      'key_repairable',
      () => 'keys/hub-tls.crt',
    ],
    [
      'an unusable recovery key',
      () => truncateSync(at('keys/recovery.key'), 0),
      'recovery_key_unusable',
      () => 'keys/recovery.key',
    ],
    [
      'a lost key of secrets in arguments',
      () => rmSync(at('keys/install-arguments.key')),
      'arguments_key_replaceable',
      () => 'keys/install-arguments.key',
    ],
    [
      'secrets in arguments that were sealed with another key',
      () => writeFileSync(at('keys/install-arguments.key'), randomBytes(32).toString('base64url')),
      'secrets_unreadable',
      () => 'keys/install-arguments.key',
    ],
    ['a missing package', () => rmSync(at(packages[0]!)), 'content_missing', () => packages[0]!],
    [
      'a package with the same length but different bytes',
      () => writeFileSync(at(packages[0]!), 'x'.repeat(statSync(at(packages[0]!)).size)),
      'content_damaged',
      () => packages[0]!,
    ],
    [
      'half a package',
      () => truncateSync(at(packages[1]!), 3),
      'content_damaged',
      () => packages[1]!,
    ],
    [
      'a package without a database entry',
      () => {
        mkdirSync(at('content/ff'), { recursive: true })
        writeFileSync(at(`content/ff/${'f'.repeat(64)}`), 'x', { mode: 0o600 })
      },
      'content_unknown',
      () => `content/ff/${'f'.repeat(64)}`,
    ],
    [
      'a package that was moved aside',
      () => {
        mkdirSync(at('content.aside/2026-01-01T00-00-00-000Z'), { recursive: true })
        writeFileSync(at('content.aside/2026-01-01T00-00-00-000Z/x'), 'x')
      },
      'content_aside',
      () => 'content.aside',
    ],
    ['a folder that others may enter', () => chmodSync(dir, 0o755), 'folder_open', () => ''],
    [
      'a backup that others may read',
      () => writeFileSync(at('deployx.db.backup-1'), '', { mode: 0o644 }),
      'folder_open',
      () => 'deployx.db.backup-1',
    ],
  ]

  it.each(rows)('%s, without changing anything', async (_what, damage, code, file) => {
    damage()
    const before = snapshot(dir)
    const findings = await check(dir)
    expect(snapshot(dir)).toEqual(before)
    const found = findings.find((finding) => finding.code === code)
    expect(found, JSON.stringify(findings)).toBeDefined()
    expect(found?.file).toBe(file() === '' ? dir : at(file()))
    expect(found?.cure).toMatch(/\.$/)
    const english = (codes: CheckFinding['text_codes']) =>
      codes?.map(({ code, params }) => compose(readCoded(code, params)!)).join(' ')
    expect(english(found?.text_codes)).toBe(found?.text)
    expect(english(found?.cure_codes)).toBe(found?.cure)
    expect(JSON.stringify(findings)).not.toMatch(/BEGIN|PRIVATE|ABCDE/)
  })

  it('several faults at once, none hidden by another', async () => {
    truncateSync(at('keys/hub-tls.key'), 0)
    rmSync(at(packages[0]!))
    chmodSync(dir, 0o750)
    const codes = (await check(dir)).map(({ code }) => code)
    expect(codes).toEqual(expect.arrayContaining(['key_empty', 'content_missing', 'folder_open']))
  })

  it('that the folder does not exist, without creating it', async () => {
    const findings = await check(join(dir, 'nowhere'))
    expect(findings.map(({ code }) => code)).toEqual(['folder_missing'])
    expect(readdirSync(dir)).not.toContain('nowhere')
  })
})

describe('over REST', () => {
  it('runs in the background, reports its progress and returns its report', async () => {
    expect((await live.rest.call('controller.check', {})).report).toBeNull()
    expect(await live.rest.call('controller.start_check', {})).toMatchObject({
      state: 'running',
      step: 'database',
      report: null,
    })
    await expect.poll(async () => (await live.rest.call('controller.check', {})).state).toBe('done')
    const { report, step, done_bytes, total_bytes, ended_at } = await live.rest.call(
      'controller.check',
      {},
    )
    expect(step).toBeNull()
    expect(total_bytes).toBeGreaterThan(0)
    expect(done_bytes).toBe(total_bytes)
    expect(report?.findings.filter(({ severity }) => severity !== 'info')).toEqual([])
    expect(report?.ok).toBe(true)
    expect(ended_at).not.toBeNull()
  })

  it('is for administrators only', async () => {
    const body = { username: 'tom', password: 'correct horse' }
    await live.rest.call('users.create', { body: { ...body, role: 'technician' } })
    const { token } = await live.anonymous.call('auth.login', { body })
    const technician = createRestClient(live.controller.consoleUrl, token)
    for (const [method, path] of [
      ['POST', '/controller/check'],
      ['GET', '/controller/check'],
      ['DELETE', '/controller/check'],
    ] as const) {
      expect((await live.anonymous.raw(method, path)).status, path).toBe(401)
      expect((await technician.raw(method, path)).status, path).toBe(403)
    }
  })

  it('is cancelled, keeps the last result, and can run again', async () => {
    const { report } = await live.rest.call('controller.check', {})
    await live.rest.call('controller.start_check', {})
    expect((await live.rest.raw('POST', '/controller/check')).status).toBe(409)
    const canceled = await live.rest.call('controller.cancel_check', {})
    expect(canceled).toMatchObject({ state: 'canceled', step: null, report })
    expect((await live.rest.call('controller.start_check', {})).state).toBe('running')
    await live.rest.call('controller.cancel_check', {})
  })
})

describe('from the command line', () => {
  const run = async (...args: string[]): Promise<{ code: number; stdout: string }> => {
    const file = join(PROJECT_ROOT, 'main', 'headless.ts')
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], {
        timeout: EVENT_LIMIT_MS,
      })
      return { code: 0, stdout }
    } catch (error) {
      const { code, stdout } = error as { code: number; stdout: string }
      return { code, stdout }
    }
  }

  // Started from the sources, which Electron's Node cannot read.
  it.runIf(process.features.typescript)(
    'prints its findings as text and JSON, and sets the exit code',
    async () => {
      const fine = await run('--data', live.dataDir, '--check', '--json')
      const report = CheckReport.parse(JSON.parse(fine.stdout))
      expect([fine.code, report.ok]).toEqual([0, true])
      truncateSync(at('keys/hub-tls.key'), 0)
      const [json, words, usage] = await Promise.all([
        run('--data', dir, '--check', '--json'),
        run('--data', dir, '--check'),
        run('--data', dir, '--check', '--nonsense'),
      ])
      expect([json.code, words.code, usage.code]).toEqual([1, 1, 2])
      expect(CheckReport.parse(JSON.parse(json.stdout))).toMatchObject({
        ok: false,
        findings: [{ code: 'key_empty', severity: 'error', file: at('keys/hub-tls.key') }],
      })
      expect(words.stdout).toContain(`The key file ${at('keys/hub-tls.key')} is empty.`)
    },
  )
})
