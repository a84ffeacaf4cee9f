/**
 * Inventories from the wire to REST: the agents here are light ones that report what a test gives
 * them.
 */
import { randomBytes } from 'node:crypto'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReportReply } from '#shared/contract/agent/link.ts'
import type { InventoryPart } from '#shared/contract/inventory.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { EMPTY_INVENTORY, type Inventory } from '#shared/domain/inventory.ts'
import {
  installed,
  inventoryHash,
  inventoryOf,
  packed,
  partOf,
} from '../../test-kit/inventories.ts'
import { eventually } from '../../test-kit/scenario.ts'
import type { SimAgent, SimIdentity } from '../../test-kit/sim-agent.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

let t: TestController
beforeAll(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 } } })
})
afterAll(() => t.stop())

type Pc = { id: DeviceId; identity: SimIdentity; agent: SimAgent; held: string | null | undefined }
let count = 0
async function newPc(): Promise<Pc> {
  const identity = await t.enroll(`PC-${++count}`)
  return { id: identity.deviceId, ...(await connect(identity)) }
}
async function connect(identity: SimIdentity): Promise<Omit<Pc, 'id'>> {
  let held: string | null | undefined
  const onLink = (agent: SimAgent): void =>
    void agent.socket.once('welcome', (welcome) => (held = welcome.inventory_hash))
  const agent = await t.connect(identity, { onLink })
  return { identity, agent, held }
}
const facts = {
  name: 'x',
  platform: 'linux' as const,
  arch: 'x64' as const,
  os_version: 'Debian 12',
  agent_version: 'sim',
  free_disk_bytes: 1,
}
const report = (pc: Pick<Pc, 'agent'>, inventory: InventoryPart): Promise<ReportReply> =>
  pc.agent.socket.timeout(EVENT_LIMIT_MS).emitWithAck('inventory_report', { facts, inventory })
const shown = (id: DeviceId) => t.rest.call('devices.inventory', { params: { id } })
const deviceOf = (id: DeviceId) => t.rest.call('devices.get', { params: { id } })
const titles = (): number => {
  const db = new Database(`${t.dataDir}/deployx.db`, { readonly: true })
  try {
    return db.prepare<[], number>('select count(*) from software_titles').pluck().get()!
  } finally {
    db.close()
  }
}
/** What it shows of an agent's report, without what the controller adds. */
async function kept(id: DeviceId): Promise<Inventory> {
  const { device_id, collected_at, changed_at, ...inventory } = await shown(id)
  expect([device_id, collected_at === null]).toEqual([id, changed_at === null])
  return inventory
}

describe('the inventory of a device', () => {
  it('is all null until its agent has reported it', async () => {
    const pc = await newPc()
    expect(pc.held).toBeNull()
    expect(await shown(pc.id)).toEqual({
      ...EMPTY_INVENTORY,
      device_id: pc.id,
      collected_at: null,
      changed_at: null,
    })
    expect(await deviceOf(pc.id)).toMatchObject({ reboot_pending: null, inventory_at: null })
    expect((await t.rest.raw('GET', '/devices/9999/inventory')).status).toBe(404)
  })

  it('is stored completely, then by its differences, and open consoles are notified', async () => {
    const pc = await newPc()
    const feed = t.feed()
    const reported: unknown[] = []
    feed.on('device_updated', (body) => reported.push(body))
    await new Promise((resolve) => feed.once('connect', () => resolve(null)))

    const first = inventoryOf(
      { vlc: '3.0.18', hello: '2.10' },
      { users: ['anna'], reboot: { pending: true, reasons: ['package_update'] } },
    )
    expect(await report(pc, partOf(null, first))).toEqual({ committed: true })
    expect(await kept(pc.id)).toEqual(first)
    expect(await deviceOf(pc.id)).toMatchObject({ reboot_pending: true })
    await eventually('a console was notified', () =>
      Promise.resolve(JSON.stringify(reported).includes('"reboot_pending":true')),
    )

    const next: Inventory = {
      ...inventoryOf({ vlc: '3.0.20', nano: '7' }, { users: ['anna'], disks: [] }),
      reboot: { pending: false, reasons: [] },
    }
    expect(await report(pc, partOf(first, next))).toEqual({ committed: true })
    expect(await kept(pc.id)).toEqual(next)
    expect(await deviceOf(pc.id)).toMatchObject({ reboot_pending: false })
  })

  it('is confirmed by its hash when nothing has changed, even after a lost acknowledgement', async () => {
    const pc = await newPc()
    const first = inventoryOf({ a: '1' })
    const part = partOf(null, first)
    await report(pc, part)
    const before = await shown(pc.id)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await report(pc, { base: part.hash, hash: part.hash, packed: null })).toEqual({
      committed: true,
    })
    const after = await shown(pc.id)
    expect(after.changed_at).toBe(before.changed_at)
    expect(after.collected_at! > before.collected_at!).toBe(true)
    expect(await report(pc, part)).toEqual({ committed: true })
    expect(await kept(pc.id)).toEqual(first)
  })

  it('is requested completely if the differences have another base', async () => {
    const pc = await newPc()
    const [a, b] = [inventoryOf({ a: '1' }), inventoryOf({ a: '2' })]
    expect(await report(pc, partOf(a, b))).toMatchObject({ committed: false, resend: true })
    const hash = inventoryHash(a)
    expect(await report(pc, { base: hash, hash, packed: null })).toMatchObject({ resend: true })
    await report(pc, partOf(null, a))
    const wrong = { ...partOf(a, b), packed: packed({ sections: {}, software: null }) }
    expect(await report(pc, wrong)).toMatchObject({ committed: false, resend: true })
    expect(await kept(pc.id)).toEqual(a)
  })

  it('survives a restart of the controller, and the welcome reports to the agent what is stored', async () => {
    const pc = await newPc()
    const reported = inventoryOf({ a: '1' })
    await report(pc, partOf(null, reported))
    await t.restart()
    const again = await connect(pc.identity)
    expect(again.held).toBe(inventoryHash(reported))
    expect(await kept(pc.id)).toEqual(reported)
  })

  it('is deleted with its device', async () => {
    const pc = await newPc()
    const before = titles()
    await report(pc, partOf(null, inventoryOf({ 'only-here': '1', a: '1' })))
    expect(titles()).toBe(before + 1)
    await t.rest.call('devices.delete', { params: { id: pc.id } })
    expect((await t.rest.raw('GET', `/devices/${pc.id}/inventory`)).status).toBe(404)
    expect(titles()).toBe(before)
  })

  it('is deleted at the next start if the controller stopped before', async () => {
    const pc = await newPc()
    const before = titles()
    await report(pc, partOf(null, inventoryOf({ 'left-behind': '1' })))
    await t.controller.stop()
    const db = new Database(`${t.dataDir}/deployx.db`)
    db.prepare('update devices set deleted_at = ? where id = ?').run('2026-01-01', pc.id)
    db.close()
    await t.restart()
    expect(titles()).toBe(before)
  })

  it('stores a program once, however many PCs have it', async () => {
    const [one, two] = [await newPc(), await newPc()]
    const before = titles()
    const same = inventoryOf({ 'shared-a': '1', 'shared-b': '1' })
    await report(one, partOf(null, same))
    await report(two, partOf(null, same))
    expect(titles()).toBe(before + 2)
    await report(one, partOf(same, inventoryOf({})))
    expect(titles()).toBe(before + 2)
    expect(await kept(two.id)).toEqual(same)
    await report(two, partOf(same, inventoryOf({ 'shared-a': '1' })))
    expect(titles()).toBe(before + 1)
  })
})

describe('the search for a program', () => {
  const find = (name: string, rest = t.rest) => rest.call('inventory.software', { query: { name } })

  it('finds the devices that have it, per version, by a part of its name', async () => {
    const [one, two] = [await newPc(), await newPc()]
    await report(one, partOf(null, inventoryOf({ 'Find me': '3.0.18', other: '1' })))
    await report(two, partOf(null, inventoryOf({ 'Find me': '3.0.20', 'find me too': '1' })))
    const { software, more } = await find('FIND ME')
    expect(more).toBe(false)
    expect(software.map((s) => [s.name, s.version, s.device_ids])).toEqual([
      ['Find me', '3.0.18', [one.id]],
      ['Find me', '3.0.20', [two.id]],
      ['find me too', '1', [two.id]],
    ])
    expect((await find('f%d')).software).toEqual([])
    expect((await t.rest.raw('GET', '/software-inventory?name=%20')).status).toBe(400)
    await t.rest.call('devices.delete', { params: { id: one.id } })
    expect((await find('find me')).software.map((s) => s.version)).toEqual(['3.0.20', '1'])
  })

  it('returns which devices have reported their software, since when, and whether the list is complete', async () => {
    const [silent, blind, whole, cut] = [await newPc(), await newPc(), await newPc(), await newPc()]
    const before = Date.now()
    await report(blind, partOf(null, inventoryOf({}, { software: null })))
    await report(whole, partOf(null, inventoryOf({})))
    await report(cut, partOf(null, inventoryOf({ 'needle-of-cut': '1' }, { software_omitted: 3 })))
    const { told } = await find('needle-of-cut')
    const of = (pc: { id: number }) => told.find((t) => t.device_id === pc.id)
    expect([of(silent), of(blind)]).toEqual([undefined, undefined])
    expect([of(whole)?.complete, of(cut)?.complete]).toEqual([true, false])
    expect(Date.parse(of(whole)!.collected_at)).toBeGreaterThanOrEqual(before - 1_000)
  })

  it("hides other users' devices from a technician", async () => {
    const pc = await newPc()
    await report(pc, partOf(null, inventoryOf({ 'annas-secret': '1' })))
    const account = { username: 'ben', password: 'correct horse' }
    await t.rest.call('users.create', { body: { ...account, role: 'technician' } })
    const { token } = await t.anonymous.call('auth.login', { body: account })
    const ben = createRestClient(t.controller.consoleUrl, token)
    expect((await find('annas-secret')).software).toHaveLength(1)
    expect(await find('annas-secret', ben)).toEqual({
      software: [],
      more: false,
      next_after: null,
      told: [],
    })
    expect((await ben.raw('GET', `/devices/${pc.id}/inventory`)).status).toBe(404)
  })
})

describe("a hostile agent's report", () => {
  it('is refused completely, and the stored inventory stays', async () => {
    const pc = await newPc()
    const good = inventoryOf({ a: '1' })
    await report(pc, partOf(null, good))
    const evil = (change: Partial<Inventory>): InventoryPart =>
      partOf(null, { ...inventoryOf({ b: '2' }), ...change })
    const { hash } = evil({})
    const parts: [string, unknown][] = [
      ['steers', evil({ users: ['a\u202eb'] })],
      ['too long', evil({ users: ['x'.repeat(257)] })],
      ['too much', evil({ software: Array.from({ length: 5_001 }, (_, i) => installed(`p${i}`)) })],
      ['bomb', { base: null, hash, packed: packed(' '.repeat(64 * 1024 * 1024)) }],
      ['not gzip', { base: null, hash, packed: randomBytes(300).toString('base64') }],
      ['not JSON', { base: null, hash, packed: packed('{') }],
      ['not its hash', { ...evil({}), hash: 'f'.repeat(64) }],
    ]
    for (const [what, part] of parts) {
      const reply = await report(pc, part as InventoryPart)
      expect(reply, what).toMatchObject({ committed: false })
      expect(reply.resend, what).toBeUndefined()
    }
    for (const part of [
      { base: null, hash, packed: 'A'.repeat(400 * 1024) },
      { base: null, hash: 'x', packed: null },
      { base: null, hash, packed: '<script>' },
    ])
      expect(await report(pc, part as InventoryPart)).toEqual({
        committed: false,
        message: 'malformed inventory_report',
      })
    expect(await kept(pc.id)).toEqual(good)
  })

  it('cannot grow beyond the limit by differences', async () => {
    const pc = await newPc()
    const some = (from: number, n: number) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${from + i}`, '1']))
    const first = inventoryOf(some(0, 4_000))
    expect(await report(pc, partOf(null, first))).toEqual({ committed: true })
    const more = inventoryOf({ ...some(0, 4_000), ...some(4_000, 1_001) })
    expect(await report(pc, partOf(first, more))).toMatchObject({ message: 'too much software' })
    expect((await kept(pc.id)).software).toHaveLength(4_000)
  })

  it('is deferred if it changes too often, without affecting other PCs', async () => {
    const [loud, other] = [await newPc(), await newPc()]
    const replies: boolean[] = []
    for (let i = 0; i < 15; i++)
      replies.push((await report(loud, partOf(null, inventoryOf({ a: String(i) })))).committed)
    expect(replies.filter(Boolean).length).toBeGreaterThanOrEqual(10)
    expect(replies.at(-1)).toBe(false)
    expect(await report(other, partOf(null, inventoryOf({ a: '1' })))).toEqual({ committed: true })
  })
})

it('ends with the latest inventory, whatever came before', async () => {
  const version = fc.constantFrom('1', '2', '3')
  const software = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), version)
  const inventory = fc.record({ software, users: fc.subarray(['anna', 'bob']), none: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(inventory, { minLength: 1, maxLength: 9 }), async (reported) => {
      const pc = await newPc()
      let held: Inventory | null = null
      for (const { software: entries, users, none } of reported) {
        const now: Inventory = inventoryOf(entries, { users, ...(none && { software: null }) })
        expect(await report(pc, partOf(held, now))).toEqual({ committed: true })
        expect(await kept(pc.id)).toEqual(now)
        held = now
      }
      pc.agent.close()
    }),
    { numRuns: 15 },
  )
})
