/** When an agent looks at its PC, by a clock that the test moves. */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
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
  const looks: ((found: Inventory) => void)[] = []
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
    collect: () => new Promise((resolve) => looks.push(resolve)),
    uptimeMs: () => options.uptimeMs ?? 24 * 3_600_000,
    log: createLog(),
  })
  /** Ends the look that is under way, and what follows from it. */
  async function endLook(): Promise<void> {
    const before = reports
    looks.at(-1)!(EMPTY_INVENTORY)
    // Packing is done by another thread, in real time.
    for (const end = Date.now() + EVENT_LIMIT_MS; Date.now() < end && reports === before;)
      await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { watch, looks, endLook, reports: () => reports }
}
const pass = (ms: number): void => void vi.advanceTimersByTime(ms)

describe('an agent looks at its PC', () => {
  it('some seconds after it was added, and then every hour', async () => {
    const { watch, looks, endLook, reports } = stage()
    watch.connected(null)
    pass(INVENTORY_TIMINGS.settleMs - 1)
    expect(looks).toHaveLength(0)
    pass(INVENTORY_TIMINGS.eagerJitterMs + 1)
    expect(looks).toHaveLength(1)
    await endLook()
    expect(reports()).toBe(1)
    pass(59 * MINUTE_MS)
    expect(looks).toHaveLength(1)
    pass(MINUTE_MS)
    expect(looks).toHaveLength(2)
  })

  it('within a minute of a later connection, by chance, unless the PC itself was just started', async () => {
    const first = stage()
    first.watch.connected(null)
    pass(10_000)
    await first.endLook()
    vi.spyOn(Math, 'random').mockReturnValue(0.99)
    const late = stage()
    late.watch.connected('a'.repeat(64))
    pass(55_000)
    expect(late.looks).toHaveLength(0)
    pass(10_000)
    expect(late.looks).toHaveLength(1)
    const started = stage({ uptimeMs: MINUTE_MS })
    started.watch.connected('a'.repeat(64))
    pass(5_000)
    expect(started.looks).toHaveLength(1)
  })

  it('after an attempt, also when that ends while it looks, but never twice at a time', async () => {
    const { watch, looks, endLook } = stage()
    watch.connected(null)
    pass(10_000)
    await endLook()
    watch.lookSoon()
    watch.lookSoon()
    pass(INVENTORY_TIMINGS.afterAttemptMs)
    expect(looks).toHaveLength(2)
    watch.lookSoon()
    pass(5 * MINUTE_MS)
    expect(looks).toHaveLength(2)
    await endLook()
    pass(INVENTORY_TIMINGS.afterAttemptMs)
    expect(looks).toHaveLength(3)
  })

  it('for nobody while there is no link, or a hub that keeps no inventories', async () => {
    const { watch, looks, reports } = stage()
    watch.connected(undefined)
    watch.lookSoon()
    pass(120 * MINUTE_MS)
    expect(looks).toHaveLength(0)
    watch.connected(null)
    pass(10_000)
    watch.disconnected()
    looks[0]!(EMPTY_INVENTORY)
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    pass(120 * MINUTE_MS)
    expect([looks.length, reports()]).toEqual([1, 0])
  })
})
