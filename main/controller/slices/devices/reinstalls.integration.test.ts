import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { openStore, type Store } from '../../store/store.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'
import { createDevicesRepo } from './devices.repo.ts'
import { createReinstalls } from './reinstalls.ts'

let dataDir: string
let store: Store
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'deployx-reinstalls-'))
  store = openStore({
    ...{ dataDir, migrationsDir: MIGRATIONS_DIR, clock: systemClock, random: systemRandom },
  })
})
afterEach(() => {
  store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

function place() {
  const repo = createDevicesRepo(store)
  let looked = 0
  const online = new Set<DeviceId>()
  const reinstalls = createReinstalls({
    repo: { ...repo, sharedHardware: () => (looked++, repo.sharedHardware()) },
    isOnline: (id) => online.has(id),
    seenAt: (row) => row.last_seen_at,
  })
  const add = (key: string, enrolledAt: string): DeviceId => {
    const { id } = repo.insert({
      ...{ name: 'LAB-1', reported_name: 'LAB-1', public_key: key, approved: true },
      ...{ platform: 'linux', arch: 'x64', os_version: 'Debian 12', agent_version: '1' },
      enrolled_at: enrolledAt,
    })
    repo.setHardware(id, [{ hardware_id: 'board 1', role: 'owner' }])
    return id
  }
  return { repo, reinstalls, online, add, looked: () => looked }
}

it('judges by when the older row was last seen, now', () => {
  const { repo, reinstalls, online, add } = place()
  const older = add('a', '2026-01-01T00:00:00.000Z')
  const newer = add('b', '2026-02-01T00:00:00.000Z')
  repo.touch(older, '2026-01-31T00:00:00.000Z')
  expect(reinstalls.of(newer)).toBe(older)
  expect(reinstalls.replacing(older)).toEqual([newer])
  online.add(older)
  expect(reinstalls.of(newer)).toBeNull()
  online.delete(older)
  expect(reinstalls.of(newer)).toBe(older)
  // Both were online at the same time.
  repo.touch(older, '2026-02-02T00:00:00.000Z')
  expect(reinstalls.of(newer)).toBeNull()
  expect(reinstalls.replacing(older)).toEqual([])
})

it('looks the rows up once, however many links begin and end', () => {
  const { reinstalls, online, add, looked } = place()
  const older = add('a', '2026-01-01T00:00:00.000Z')
  const newer = add('b', '2026-02-01T00:00:00.000Z')
  for (let n = 0; n < 100; n++) {
    online[n % 2 ? 'add' : 'delete'](older)
    reinstalls.replacing(older)
    reinstalls.of(newer)
  }
  expect(looked()).toBe(1)
  const newest = add('c', '2026-03-01T00:00:00.000Z')
  reinstalls.changed()
  expect(reinstalls.of(newest)).toBe(newer)
  expect(looked()).toBe(2)
})
