import { beforeEach, describe, expect, it } from 'vitest'
import { createVirtualTime } from '../test-kit/virtual-time.ts'
import type { Log } from './context.ts'
import { startIndexing } from './indexing.ts'

const HEARTBEAT_MS = 5_000
const STEP_MS = 2

let world: ReturnType<typeof createVirtualTime>
/** Rows of the table, and how many of them are indexed: they outlive a restart. */
let rows: number
let indexed: number
/** Each step that found something, as `rows@ms`. */
let steps: string[]
let afterStep: () => void
let isPaused: boolean
let lines: unknown[]
let failures: number
beforeEach(() => {
  world = createVirtualTime()
  rows = indexed = failures = 0
  steps = []
  afterStep = () => {}
  isPaused = false
  lines = []
})

const log = {
  info: (what: unknown) => lines.push(what),
  error: () => failures++,
} as unknown as Log
const start = (more: Parameters<typeof startIndexing>[0]['steps'] = {}) =>
  startIndexing({
    time: world.time,
    log,
    steps: {
      ...more,
      things: (limit) => {
        const count = Math.min(limit, rows - indexed)
        if (count === 0) return 0
        steps.push(`${count}@${world.nowMs()}`)
        world.block(STEP_MS)
        indexed += count
        afterStep()
        return count
      },
    },
    isPaused: () => isPaused,
  })

describe('indexing', () => {
  it('works in chunks, and leaves most of the time to other work', async () => {
    rows = 450
    start()
    await world.advance(1_000)
    expect(indexed).toBe(450)
    expect(steps.map((step) => step.split('@')[0])).toEqual(['200', '200', '50'])
    const [first, second, third] = steps.map((step) => Number(step.split('@')[1]))
    expect(second! - first!).toBeGreaterThanOrEqual(5 * STEP_MS)
    expect(third! - second!).toBeGreaterThanOrEqual(5 * STEP_MS)
  })

  it('indexes a row that was written meanwhile with the next heartbeat', async () => {
    rows = 10
    start()
    await world.advance(1_000)
    rows++
    await world.advance(1_000)
    expect(indexed).toBe(10)
    await world.advance(HEARTBEAT_MS)
    expect(indexed).toBe(11)
  })

  it('includes rows that are written while a backlog is indexed', async () => {
    rows = 400
    afterStep = () => {
      if (indexed === 200) rows += 100
    }
    start()
    await world.advance(1_000)
    expect(indexed).toBe(500)
  })

  it('continues after a restart where it stopped', async () => {
    rows = 100_000
    const stop = start()
    await world.advance(200)
    await stop()
    const before = indexed
    expect(before).toBeGreaterThan(0)
    expect(before).toBeLessThan(rows)
    await world.advance(HEARTBEAT_MS)
    expect(indexed).toBe(before)
    start()
    await world.advance(60_000)
    expect(indexed).toBe(rows)
    expect(steps.every((step) => step.startsWith('200@'))).toBe(true)
  })

  it('waits while the disk is almost full', async () => {
    rows = 10
    isPaused = true
    start()
    await world.advance(4 * HEARTBEAT_MS)
    expect(indexed).toBe(0)
    isPaused = false
    await world.advance(HEARTBEAT_MS)
    expect(indexed).toBe(10)
  })

  it('continues with other indexes after one failed, and tries that one again', async () => {
    rows = 10
    let tries = 0
    const broken = (): number => {
      if (++tries === 1) throw new Error('busy')
      return 0
    }
    start({ broken })
    await world.advance(HEARTBEAT_MS)
    expect([indexed, failures]).toEqual([10, 1])
    expect(tries).toBeGreaterThan(1)
  })

  it('logs a long backlog, and nothing about a short one', async () => {
    rows = 300
    start()
    await world.advance(1_000)
    expect(lines).toEqual([])
    rows += 120_000
    await world.advance(30_000)
    expect(lines).toEqual([
      { index: 'things', rows: 100_000 },
      { index: 'things', rows: 120_000 },
    ])
  })
})
