/** When an agent collects its inventory, with a simulated clock. */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { EMPTY_INVENTORY, type Inventory } from '#shared/domain/inventory.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'
import { createLog } from '../lib/log.ts'
import { createInventory, INVENTORY_TIMINGS } from './inventory.ts'

const MINUTE_MS = 60_000
const file = join(tmpdir(), `deployx-watch-${randomUUID()}.json`)
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(file, { force: true })
})

function stage(options: { uptimeMs?: number } = {}) {
  process.env['DEPLOYX_LOG_LEVEL'] = 'silent'
  const collections: ((found: Inventory) => void)[] = []
  let reports = 0
  const watch = createInventory({
    file,
    facts: () => ({
      name: 'pc',
      platform: 'linux',
      arch: 'x64',
      os_version: '',
      agent_version: '',
      free_disk_bytes: null,
    }),
    report: () => {
      reports++
      return Promise.resolve({ committed: true })
    },
    collect: () => new Promise((resolve) => collections.push(resolve)),
    clock: { ...systemClock, uptimeSeconds: () => (options.uptimeMs ?? 24 * 3_600_000) / 1000 },
    random: systemRandom,
    log: createLog(),
  })
  /** Finishes the collection in progress, and its follow-up work. */
  async function finishCollection(): Promise<void> {
    const before = reports
    collections.at(-1)!(EMPTY_INVENTORY)
    // Compression runs in another thread, in real time.
    for (const end = Date.now() + EVENT_LIMIT_MS; Date.now() < end && reports === before;)
      await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { watch, collections, finishCollection, reports: () => reports }
}
const pass = (ms: number): void => void vi.advanceTimersByTime(ms)

describe('an agent collects its inventory', () => {
  it('a few seconds after it was added, and then every hour', async () => {
    const { watch, collections, finishCollection, reports } = stage()
    watch.connected(null)
    pass(INVENTORY_TIMINGS.settleMs - 1)
    expect(collections).toHaveLength(0)
    pass(INVENTORY_TIMINGS.eagerJitterMs + 1)
    expect(collections).toHaveLength(1)
    await finishCollection()
    expect(reports()).toBe(1)
    pass(59 * MINUTE_MS)
    expect(collections).toHaveLength(1)
    pass(MINUTE_MS)
    expect(collections).toHaveLength(2)
  })

  it('within a minute after a later connection, at a random time, unless the PC itself was just started', async () => {
    const first = stage()
    first.watch.connected(null)
    pass(10_000)
    await first.finishCollection()
    vi.spyOn(Math, 'random').mockReturnValue(0.99)
    const late = stage()
    late.watch.connected('a'.repeat(64))
    pass(55_000)
    expect(late.collections).toHaveLength(0)
    pass(10_000)
    expect(late.collections).toHaveLength(1)
    const started = stage({ uptimeMs: MINUTE_MS })
    started.watch.connected('a'.repeat(64))
    pass(5_000)
    expect(started.collections).toHaveLength(1)
  })

  it('after an attempt, even if that ends during a collection, but never twice at the same time', async () => {
    const { watch, collections, finishCollection } = stage()
    watch.connected(null)
    pass(10_000)
    await finishCollection()
    watch.collectSoon()
    watch.collectSoon()
    pass(INVENTORY_TIMINGS.afterAttemptMs)
    expect(collections).toHaveLength(2)
    watch.collectSoon()
    pass(5 * MINUTE_MS)
    expect(collections).toHaveLength(2)
    await finishCollection()
    pass(INVENTORY_TIMINGS.afterAttemptMs)
    expect(collections).toHaveLength(3)
  })

  it('not while there is no link, or if the hub keeps no inventories', async () => {
    const { watch, collections, reports } = stage()
    watch.connected(undefined)
    watch.collectSoon()
    pass(120 * MINUTE_MS)
    expect(collections).toHaveLength(0)
    watch.connected(null)
    pass(10_000)
    watch.disconnected()
    collections[0]!(EMPTY_INVENTORY)
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    pass(120 * MINUTE_MS)
    expect([collections.length, reports()]).toEqual([1, 0])
  })
})
