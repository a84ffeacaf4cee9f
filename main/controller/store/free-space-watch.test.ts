import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import type { DiskSpace } from '#shared/contract/rest/hub.ts'
import { watchFreeSpace } from './free-space-watch.ts'

const MIB = 1024 * 1024
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('reports the level, and each MiB once space is short, and nothing else', () => {
  let freeSpace: DiskSpace = { level: 'enough', free_bytes: 900 * MIB }
  let calls = 0
  const watch = watchFreeSpace({ now: () => freeSpace }, () => calls++, systemClock, 1_000)
  const look = (level: DiskSpace['level'], free_bytes: number): number => {
    freeSpace = { level, free_bytes }
    vi.advanceTimersByTime(1_000)
    return calls
  }
  expect(look('enough', 700 * MIB)).toBe(0)
  expect(look('short', 500 * MIB)).toBe(1)
  expect(look('short', 500 * MIB + 1)).toBe(1)
  expect(look('short', 499 * MIB)).toBe(2)
  expect(look('low', 3 * MIB)).toBe(3)
  expect(look('enough', 900 * MIB)).toBe(4)
  watch.stop()
  expect(look('low', 0)).toBe(4)
})
