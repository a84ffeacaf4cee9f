/**
 * The protocol with a small simulated hub: it accepts what the contract allows, and any message can get lost.
 */
import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { AgentFacts, ReportReply } from '#shared/contract/agent/link.ts'
import { InventoryPart } from '#shared/contract/inventory.ts'
import { applyDelta, inKeyOrder } from '#shared/domain/inventory-delta.ts'
import { EMPTY_INVENTORY, InventoryDelta, type Inventory } from '#shared/domain/inventory.ts'
import { createLog } from '../lib/log.ts'
import { hashOf } from './pack.ts'
import { createInventorySync } from './sync.ts'

const facts: AgentFacts = {
  name: 'pc',
  platform: 'linux',
  arch: 'x64',
  os_version: 'x',
  agent_version: 'x',
  free_disk_bytes: null,
}
const inventory = (versions: Record<string, number>, users: string[] = []): Inventory => ({
  ...EMPTY_INVENTORY,
  users,
  software: inKeyOrder(
    Object.entries(versions).map(([name, version]) => ({
      key: name,
      source: 'dpkg' as const,
      name,
      version: String(version),
      publisher: null,
      installed_on: null,
    })),
  ),
})

type Loss = 'none' | 'message' | 'answer'
/** Stores what the contract requires of a hub. */
function createHub() {
  let held: Inventory | null = null
  const hash = (): string | null => (held === null ? null : hashOf(held))
  const parts: InventoryPart[] = []
  const hub = {
    loss: 'none' as Loss,
    parts,
    hash,
    held: () => held,
    restore: (older: Inventory | null): void => void (held = older),
    report(body: { inventory: InventoryPart }): Promise<ReportReply> {
      const part = InventoryPart.parse(JSON.parse(JSON.stringify(body.inventory)))
      if (hub.loss === 'message') return Promise.reject(new Error('there is no link'))
      parts.push(part)
      const reply = take(part)
      return hub.loss === 'answer'
        ? Promise.reject(new Error('no answer in time'))
        : Promise.resolve(reply)
    },
  }
  function take(part: InventoryPart): ReportReply {
    if (part.hash === hash()) return { committed: true }
    if (part.packed === null) return { committed: false, resend: true }
    if (part.base !== null && part.base !== hash()) return { committed: false, resend: true }
    const json = gunzipSync(Buffer.from(part.packed, 'base64')).toString()
    const delta = InventoryDelta.parse(JSON.parse(json))
    const next = applyDelta(part.base === null ? null : held, delta)
    expect(hashOf(next)).toBe(part.hash)
    held = next
    return { committed: true }
  }
  return hub
}

const files: string[] = []
afterEach(() => files.splice(0).forEach((file) => rmSync(file, { force: true })))
const newFile = (): string => {
  const file = join(tmpdir(), `deployx-inventory-${randomUUID()}.json`)
  files.push(file)
  return file
}
function stage(file = newFile(), hub = createHub()) {
  process.env['DEPLOYX_LOG_LEVEL'] = 'silent'
  const start = () =>
    createInventorySync({
      file,
      facts: () => facts,
      report: (body) => hub.report(body),
      log: createLog(),
    })
  return { file, hub, start, sync: start() }
}

describe('reporting the inventory', () => {
  it('sends everything first, then differences, and only the hash when nothing has changed', async () => {
    const { hub, sync } = stage()
    const first = inventory({ a: 1, b: 1 })
    sync.setHubHash(null)
    await sync.send(first)
    await sync.send(inventory({ a: 1, b: 2 }))
    await sync.send(inventory({ a: 1, b: 2 }))
    const [everything, difference, same] = hub.parts
    expect(everything).toMatchObject({ base: null })
    expect(difference).toMatchObject({ base: hashOf(first) })
    expect(same).toMatchObject({ base: hub.hash(), hash: hub.hash(), packed: null })
    expect(hub.held()).toEqual(inventory({ a: 1, b: 2 }))
  })

  it('continues with differences after a restart', async () => {
    const { hub, start, sync } = stage()
    sync.setHubHash(null)
    await sync.send(inventory({ a: 1 }))
    const next = start()
    next.setHubHash(hub.hash())
    await next.send(inventory({ a: 2 }))
    expect(hub.parts.at(-1)!.base).not.toBeNull()
    expect(hub.held()).toEqual(inventory({ a: 2 }))
  })

  it('sends everything again to a hub whose welcome names another hash', async () => {
    const { hub, sync } = stage()
    sync.setHubHash(null)
    await sync.send(inventory({ a: 1 }))
    hub.restore(inventory({ z: 9 }))
    sync.setHubHash(hub.hash())
    await sync.send(inventory({ a: 2 }))
    expect(hub.parts.at(-1)!.base).toBeNull()
    expect(hub.held()).toEqual(inventory({ a: 2 }))
  })

  it('sends everything if its file is unreadable', async () => {
    const file = newFile()
    writeFileSync(file, '{"hash":"x"')
    const { hub, sync } = stage(file)
    expect(sync.last()).toBeNull()
    sync.setHubHash('0'.repeat(64))
    await sync.send(inventory({ a: 1 }))
    expect(hub.held()).toEqual(inventory({ a: 1 }))
  })

  it('does not retry while the hub accepts nothing', async () => {
    let asked = 0
    const log = { ...createLog(), warn: () => undefined } as unknown as ReturnType<typeof createLog>
    const report = (): Promise<ReportReply> => {
      asked++
      return Promise.resolve({ committed: false, resend: true })
    }
    const sync = createInventorySync({ file: newFile(), facts: () => facts, report, log })
    sync.setHubHash(null)
    await sync.send(inventory({ a: 1 }))
    expect(asked).toBe(2)
    expect(sync.last()).toBeNull()
  })

  const step = fc.oneof(
    fc.record({
      type: fc.constant('collect' as const),
      versions: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(3)),
      loss: fc.constantFrom<Loss>('none', 'none', 'message', 'answer'),
    }),
    fc.record({ type: fc.constantFrom('reconnect' as const, 'restart' as const) }),
    fc.record({ type: fc.constant('restore' as const), back: fc.nat(5) }),
    fc.record({ type: fc.constant('lose_file' as const) }),
  )
  it("brings the hub's copy up to date, whatever was lost", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { hub, file, start, sync: first } = stage()
        let sync = first
        sync.setHubHash(hub.hash())
        const past: (Inventory | null)[] = [null]
        const collect = (versions: Record<string, number>) =>
          sync.send(inventory(versions)).catch(() => undefined)
        for (const s of steps) {
          if (s.type === 'collect') {
            hub.loss = s.loss
            await collect(s.versions)
            hub.loss = 'none'
            past.push(hub.held())
            continue
          }
          if (s.type === 'restore') hub.restore(past.at(-1 - s.back) ?? null)
          if (s.type === 'lose_file') rmSync(file, { force: true })
          if (s.type !== 'reconnect') sync = start()
          sync.setHubHash(hub.hash())
        }
        await collect({ a: 7, c: 2 })
        expect(hub.held()).toEqual(inventory({ a: 7, c: 2 }))
        const before = hub.parts.length
        await collect({ a: 7, c: 2 })
        expect(hub.parts.slice(before)).toMatchObject([{ packed: null }])
      }),
      { numRuns: 150 },
    )
  })
})
