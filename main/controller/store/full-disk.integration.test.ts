/**
 * Starting on a full or almost full disk: it works, or is refused with a readable message, never
 * with a raw error.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { AppError } from '#shared/contract/errors.ts'
import { canMakeDisks, makeSmallDisk, type SmallDisk } from '../test-kit/small-disk.ts'
import { createFreeSpace, RESERVE_FILE } from './free-space.ts'
import { openStore, type Store } from './store.ts'
import { MIGRATIONS_DIR } from '../test-kit/paths.ts'

const [KIB, MIB] = [1024, 1024 * 1024]
if (!canMakeDisks)
  process.stderr.write('SKIPPED: tests of full disks need Linux and root, to mount a tmpfs\n')

let disk: SmallDisk
let dataDir: string
const open = (migrationsDir = MIGRATIONS_DIR): Store =>
  openStore({ dataDir, migrationsDir, clock: systemClock, random: systemRandom })
function refusalOf(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe.skipIf(!canMakeDisks)('on a disk with little room', () => {
  beforeEach(() => {
    disk = makeSmallDisk('48m')
    dataDir = join(disk.path, 'a', 'data')
  })
  afterEach(() => disk.remove())

  it.each([0, 4, 8, 12, 16, 32, 64, 100, 300, 1_000, 2_000, 4_000])(
    'a first start with %i KiB free is refused with a message, and leaves nothing behind',
    (kib) => {
      disk.fill(kib * KIB)
      const refusal = refusalOf(() => open())
      expect(refusal.code).toBe('E_DISK_FULL')
      expect(refusal.message).toMatch(
        /^The disk that holds .* has \d+ [KM]iB free; .*needs \d+ MiB/,
      )
      expect(existsSync(dataDir)).toBe(false)
      disk.empty()
      open().close()
    },
  )

  it.each([4_200, 6_000, 10_000])('a first start with %i KiB free works', (kib) => {
    disk.fill(kib * KIB)
    open().close()
  })

  it.each([0, 4, 8, 16, 32, 64, 200, 1_000])(
    'a later start with %i KiB free opens the database, or is refused with a message',
    (kib) => {
      open().close()
      disk.fill(kib * KIB)
      let store: Store
      try {
        store = open()
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_DISK_FULL' })
        return
      }
      store.close()
      expect(kib).toBeGreaterThan(0)
    },
  )

  it('a later start on a full disk works with the reserve, including writes', async () => {
    const first = open()
    await first.freeSpace.refill()
    first.close()
    expect(statSync(join(dataDir, RESERVE_FILE)).size).toBe(8 * MIB)
    disk.fill()
    const store = open()
    for (let n = 0; n < 50; n++)
      store.transaction(() =>
        store.sqlite
          .prepare(
            "insert into audit_log (at, actor, action, subject, details) values ('2026', 'x', 'y', 'z', ?)",
          )
          .run('d'.repeat(1_000)),
      )
    store.close()
    expect(statSync(join(dataDir, RESERVE_FILE)).size).toBeGreaterThan(0)
  })

  it('a migration without room for its backup is refused with the needed size, and changes nothing', () => {
    const old = join(disk.path, 'migrations')
    cpSync(MIGRATIONS_DIR, old, { recursive: true })
    const journal = join(old, 'meta', '_journal.json')
    const known = JSON.parse(readFileSync(journal, 'utf8')) as { entries: unknown[] }
    writeFileSync(journal, JSON.stringify({ ...known, entries: known.entries.slice(0, 2) }))
    const store = open(old)
    store.sqlite
      .exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
      insert into audit_log (at, actor, action, subject, details) select '2026', 'x', 'y', 'z', hex(randomblob(500)) from n`)
    store.close()
    const before = readFileSync(join(dataDir, 'deployx.db'))
    for (const free of [0, 100 * KIB, MIB, before.length, before.length + 15 * MIB]) {
      disk.fill(free)
      const refusal = refusalOf(() => open())
      expect(refusal.code).toBe('E_DISK_FULL')
      expect(refusal.message).toMatch(/needs \d+ MiB|is full/)
      expect(readdirSync(dataDir).filter((name) => name.includes('backup'))).toEqual([])
      disk.empty()
    }
    expect(readFileSync(join(dataDir, 'deployx.db')).equals(before)).toBe(true)
    open().close()
    expect(readdirSync(dataDir).filter((name) => name.includes('backup'))).toHaveLength(1)
  })
})

describe.skipIf(!canMakeDisks)('the reserve', () => {
  beforeEach(() => {
    disk = makeSmallDisk('64m')
    dataDir = join(disk.path, 'data')
    mkdirSync(dataDir)
  })
  afterEach(() => disk.remove())
  const held = () => statSync(join(dataDir, RESERVE_FILE), { throwIfNoEntry: false })?.size ?? 0

  it('is not needed to find out that there is no room', () => {
    const freeSpace = createFreeSpace(dataDir)
    expect(freeSpace.probe()).toBeNull()
    disk.fill()
    expect(freeSpace.probe()).toBe('ENOSPC')
    expect(readdirSync(dataDir)).toEqual([])
  })

  it('is released only as far as needed, and refilled once there is room', async () => {
    const freeSpace = createFreeSpace(dataDir)
    await freeSpace.refill()
    expect(held()).toBe(8 * MIB)
    freeSpace.ensure()
    expect(held()).toBe(8 * MIB)
    disk.fill()
    expect(freeSpace.isLow()).toBe(true)
    freeSpace.ensure()
    expect(held()).toBe(7 * MIB)
    expect(disk.freeBytes()).toBeGreaterThanOrEqual(MIB)
    for (let n = 0; n < 20; n++) {
      disk.fill()
      freeSpace.ensure()
    }
    expect(held()).toBe(0)
    freeSpace.ensure() // nothing left to release: no error
    await freeSpace.refill()
    expect(held()).toBe(0)
    disk.empty()
    await freeSpace.refill()
    expect(held()).toBe(8 * MIB)
    expect(freeSpace.isLow()).toBe(false)
  })

  it('takes at most a quarter of the free space on a small disk', async () => {
    disk.fill(6 * MIB)
    await createFreeSpace(dataDir).refill()
    expect(held()).toBeGreaterThan(0)
    expect(held()).toBeLessThanOrEqual(1.5 * MIB)
    expect(disk.freeBytes()).toBeGreaterThanOrEqual(4.5 * MIB)
  })
})
