/** The list of devices is made in chunks: what it contains when devices change meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import type { Device } from '#shared/contract/rest/devices.ts'
import type { UserId } from '#shared/domain/ids.ts'
import { createClock } from '../../base/clock.ts'
import type { Viewer } from '../../base/context.ts'
import { openStore, type Store } from '../../store/store.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'
import { createAudit } from '../audit/index.ts'
import { createDevices, type Devices } from './index.ts'

const COUNT = 1_000
const admin: Viewer = {
  id: 1 as UserId,
  username: 'anna',
  role: 'admin',
  mustChangePassword: false,
}
const technician: Viewer = { ...admin, id: 2 as UserId, username: 'ben', role: 'technician' }

let dataDir: string
let store: Store
let devices: Devices
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'deployx-list-'))
  store = openStore({
    ...{ dataDir, migrationsDir: MIGRATIONS_DIR, clock: systemClock, random: systemRandom },
  })
  const clock = createClock(systemClock)
  const common = { store, now: clock.wallMs, clock }
  devices = createDevices({ ...common, audit: createAudit(common), agentUpdateOf: () => null })
  store.sqlite.exec(`
    insert into users (username, password_hash, role, created_at) values ('anna', '', 'admin', ''), ('ben', '', 'technician', '');
    insert into device_groups (name, created_at) values ('Lab', ''), ('Office', '');
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${COUNT})
    insert into devices (name, platform, arch, os_version, agent_version, public_key, owner_id, approved, enrolled_at)
      select printf('PC-%04d', ${COUNT} - i), 'linux', 'x64', '', '', 'key ' || i, 1 + (i % 10 = 0), 1, '2026' from n;
    insert into device_group_members select 1, id from devices where id % 2 = 0 union select 2, id from devices where id % 4 = 0;`)
})
afterEach(() => {
  devices.stop()
  store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function all(viewer: Viewer, onChunk: (n: number) => void = () => {}): Promise<Device[]> {
  const list: Device[] = []
  let chunks = 0
  for await (const some of devices.list(viewer)) {
    list.push(...some)
    onChunk(++chunks)
  }
  return list
}
const deleteDevice = (name: string): void => {
  store.sqlite.prepare("update devices set deleted_at = '2026' where name = ?").run(name)
}

it('has every device once, by name, with its groups', async () => {
  const list = await all(admin)
  expect(list.map(({ name }) => name)).toEqual(
    Array.from({ length: COUNT }, (_, i) => `PC-${String(i).padStart(4, '0')}`),
  )
  for (const { id, group_ids } of list)
    expect(group_ids).toEqual(id % 4 === 0 ? [1, 2] : id % 2 === 0 ? [1] : [])
  expect(list[500]).toEqual(devices.get(admin, list[500]!.id))
})

it("has a technician's own devices only", async () => {
  const list = await all(technician)
  expect(list).toHaveLength(COUNT / 10)
  expect(new Set(list.map(({ owner_id }) => owner_id))).toEqual(new Set([technician.id]))
})

it('arrives in chunks', async () => {
  let chunks = 0
  await all(admin, (n) => (chunks = n))
  expect(chunks).toBeGreaterThan(2)
})

it('leaves out what is deleted or gets another owner meanwhile, and skips nothing else', async () => {
  const names = (list: Device[]): string[] => list.map(({ name }) => name)
  const before = names(await all(admin))
  const list = await all(admin, (n) => {
    if (n !== 1) return
    // One that was sent, and one that was not; another moves to the front.
    deleteDevice('PC-0001')
    deleteDevice('PC-0999')
    store.sqlite.prepare("update devices set name = 'A' where name = 'PC-0998'").run()
  })
  expect(names(list)).toEqual([...before.slice(0, -2), 'A'])

  const own = (await all(technician)).length
  store.sqlite.prepare('update devices set owner_id = 2 where id = ?').run(1)
  const chunks = devices.list(technician)
  store.sqlite.prepare('update devices set owner_id = 1 where id = ?').run(1)
  const found: Device[] = []
  for await (const some of chunks) found.push(...some)
  expect(found).toHaveLength(own)
})
