import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createRefresh } from './refresh.ts'
import type { Refreshing } from './refresh.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open() {
  const world = {
    isReachable: true,
    isBusy: true,
    isHidden: false,
    tookMs: 0,
    fetched: 0,
    retries: 0,
    shown: [] as (Refreshing | null)[],
  }
  const refresh = createRefresh({
    async fetch() {
      world.fetched++
      if (world.tookMs > 0) await new Promise((resolve) => setTimeout(resolve, world.tookMs))
      return world.isReachable
    },
    isBusy: () => world.isBusy,
    isHidden: () => world.isHidden,
    retryFeed: () => world.retries++,
    show: (now) => world.shown.push(now),
    nowMs: () => Date.now(),
  })
  return { world, refresh, shown: () => world.shown.at(-1) }
}
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000)

it('fetches nothing while the feed is live or during a short gap', async () => {
  const { world, refresh } = open()
  refresh.feed('connecting')
  await seconds(1)
  refresh.feed('live')
  await seconds(60)
  refresh.feed('down')
  await seconds(1)
  refresh.feed('live')
  await seconds(60)
  expect(world.fetched).toBe(0)
})

it('polls the screen until the feed is live, and reports blocked updates only after repeated failures', async () => {
  const { world, refresh, shown } = open()
  refresh.feed('connecting')
  await seconds(2)
  expect([world.fetched, shown()]).toEqual([1, { everySeconds: 5, isBlocked: false }])
  refresh.feed('down')
  expect(shown()?.isBlocked).toBe(false)
  refresh.feed('down')
  expect(shown()).toEqual({ everySeconds: 5, isBlocked: true })
  await seconds(50)
  expect(world.fetched).toBe(11)
  refresh.feed('live')
  expect(shown()).toBeNull()
  await seconds(60)
  expect(world.fetched).toBe(11)
})

it('does not report blocked updates while the controller is unreachable, and backs off', async () => {
  const { world, refresh } = open()
  world.isReachable = false
  refresh.feed('down')
  for (let attempt = 0; attempt < 40; attempt++) {
    refresh.feed('down')
    await seconds(15)
  }
  expect(world.shown.every((one) => one === null)).toBe(true)
  expect(world.fetched).toBeGreaterThan(8)
  expect(world.fetched).toBeLessThan(16)
})

it('reconnects the feed immediately, and once, when the controller answers again', async () => {
  const { world, refresh } = open()
  world.isReachable = false
  refresh.feed('down')
  await seconds(8)
  expect(world.retries).toBe(0)
  world.isReachable = true
  await seconds(60)
  expect(world.retries).toBe(1)
})

it('spends at most a tenth of the time fetching, and less on a quiet screen', async () => {
  const { world, refresh, shown } = open()
  world.tookMs = 2_000
  refresh.feed('down')
  await seconds(4)
  expect(shown()?.everySeconds).toBe(30)
  world.tookMs = 0
  world.isBusy = false
  await seconds(31)
  expect(shown()?.everySeconds).toBe(15)
})

it('pauses while the window is hidden, and fetches when it is shown again', async () => {
  const { world, refresh } = open()
  refresh.feed('down')
  await seconds(2)
  world.isHidden = true
  await seconds(600)
  const before = world.fetched
  expect(before).toBe(1)
  world.isHidden = false
  refresh.look()
  await seconds(0)
  expect(world.fetched).toBe(before + 1)
  await seconds(6)
  expect(world.fetched).toBe(before + 2)
})

it('continues after a gap that began during a fetch for the previous one', async () => {
  const { world, refresh } = open()
  world.tookMs = 5_000
  refresh.feed('down')
  await seconds(2)
  refresh.feed('live')
  refresh.feed('down')
  await seconds(5)
  world.tookMs = 0
  await seconds(2)
  expect(world.fetched).toBe(2)
})
