/** An existing data folder is closed to other users, or refused. */
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { AppError } from '#shared/contract/errors.ts'
import { closeDataFolder, findExposed } from './private-folder.ts'
import { openStore } from './store.ts'
import { MIGRATIONS_DIR } from '../test-kit/paths.ts'

const SOMEBODY_ELSE = 65_534
const isRoot = process.getuid?.() === 0

let root: string
let dataDir: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'deployx-private-'))
  dataDir = join(root, 'data')
  mkdirSync(dataDir)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const modeOf = (path: string): number => statSync(path).mode & 0o777
function refusalOf(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it was not refused')
}
const entries = (): string[] => readdirSync(dataDir, { recursive: true, encoding: 'utf8' })

describe.skipIf(process.platform === 'win32')('a data folder that others can access', () => {
  it('is closed with all its contents: database, log, backups, lock, keys and packages', () => {
    chmodSync(dataDir, 0o755)
    for (const folder of ['keys', 'content', 'content/ab']) mkdirSync(join(dataDir, folder))
    const files = ['keys/hub-tls.key', 'content/ab/x', 'deployx.db.backup-1', 'controller.lock']
    for (const file of files) writeFileSync(join(dataDir, file), '', { mode: 0o644 })
    const store = openStore({
      dataDir,
      migrationsDir: MIGRATIONS_DIR,
      clock: systemClock,
      random: systemRandom,
    })
    expect(entries()).toEqual(expect.arrayContaining(['deployx.db-wal', 'deployx.db-shm']))
    for (const name of entries()) expect(modeOf(join(dataDir, name)) & 0o077, name).toBe(0)
    expect(modeOf(dataDir)).toBe(0o700)
    store.close()
    expect(findExposed(dataDir)).toEqual([])
  })

  it('creates private files under any umask', () => {
    const before = process.umask(0)
    try {
      openStore({
        dataDir,
        migrationsDir: MIGRATIONS_DIR,
        clock: systemClock,
        random: systemRandom,
      }).close()
    } finally {
      process.umask(before)
    }
    expect(findExposed(dataDir)).toEqual([])
  })

  it('is closed even if only one of its files is open to others', () => {
    chmodSync(dataDir, 0o700)
    writeFileSync(join(dataDir, 'deployx.db.backup-1'), '', { mode: 0o640 })
    mkdirSync(join(dataDir, 'keys'), { mode: 0o700 })
    writeFileSync(join(dataDir, 'keys', 'hub-tls.key'), '', { mode: 0o644 })
    closeDataFolder(dataDir)
    expect(findExposed(dataDir)).toEqual([])
    expect(modeOf(join(dataDir, 'keys', 'hub-tls.key'))).toBe(0o600)
  })

  it('leaves link targets unchanged', () => {
    writeFileSync(join(root, 'outside'), '', { mode: 0o644 })
    chmodSync(join(root, 'outside'), 0o644)
    symlinkSync(join(root, 'outside'), join(dataDir, 'link'))
    closeDataFolder(dataDir)
    expect(modeOf(join(root, 'outside'))).toBe(0o644)
  })

  it.skipIf(!isRoot).each(['deployx.db', 'keys', 'content', 'controller.lock', 'keys/hub-tls.key'])(
    'is refused if another user has planted a link as %s',
    (name) => {
      const target = join(root, 'theirs')
      mkdirSync(target)
      mkdirSync(join(dataDir, 'keys'), { mode: 0o700 })
      chmodSync(dataDir, 0o777)
      rmSync(join(dataDir, name), { recursive: true, force: true })
      symlinkSync(join(target, 'x'), join(dataDir, name))
      lchownSync(join(dataDir, name), SOMEBODY_ELSE, SOMEBODY_ELSE)
      const refusal = refusalOf(() =>
        openStore({
          dataDir,
          migrationsDir: MIGRATIONS_DIR,
          clock: systemClock,
          random: systemRandom,
        }),
      )
      expect(refusal.code).toBe('E_DATA_OWNER')
      expect(refusal.message).toContain(join(dataDir, name))
      expect(readdirSync(target)).toEqual([])
    },
  )

  it.skipIf(!isRoot).each(['.', 'controller.lock', 'deployx.db', 'keys', 'keys/hub-tls.key'])(
    'is refused, unchanged, if %s belongs to another user',
    (name) => {
      mkdirSync(join(dataDir, 'keys'), { mode: 0o700 })
      for (const file of ['controller.lock', 'deployx.db', 'keys/hub-tls.key'])
        writeFileSync(join(dataDir, file), '', { mode: 0o600 })
      chmodSync(dataDir, 0o700)
      chownSync(join(dataDir, name), SOMEBODY_ELSE, SOMEBODY_ELSE)
      const before = entries()
      const refusal = refusalOf(() =>
        openStore({
          dataDir,
          migrationsDir: MIGRATIONS_DIR,
          clock: systemClock,
          random: systemRandom,
        }),
      )
      expect(refusal.code).toBe('E_DATA_OWNER')
      expect(refusal.message).toContain(join(dataDir, name))
      expect(entries()).toEqual(before)
    },
  )
})
