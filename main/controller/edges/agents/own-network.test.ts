import { beforeEach, expect, it } from 'vitest'
import { createClock, type Clock } from '../../base/clock.ts'
import { createTestClock, type TestClock } from '../../test-kit/test-clock.ts'
import { watchOwnNetwork } from './own-network.ts'

let computer: TestClock
let clock: Clock
let isUp = true
let lost = 0
let stop = (): void => undefined
const watch = () =>
  (stop = watchOwnNetwork({
    clock,
    isDefaultRoute: () => false,
    isUp: () => isUp,
    lost: () => lost++,
  }))
beforeEach(() => {
  computer = createTestClock()
  clock = createClock(computer.source)
  isUp = true
  lost = 0
  return () => {
    stop()
    clock.stop()
  }
})

it('reports the lost network while it is down, and stops when it is up', () => {
  watch()
  computer.passes(60_000)
  expect(lost).toBe(0)
  isUp = false
  computer.passes(60_000)
  expect(lost).toBeGreaterThanOrEqual(11)
  isUp = true
  lost = 0
  computer.passes(60_000)
  expect(lost).toBe(0)
})
it('gives up after 15 minutes', () => {
  watch()
  isUp = false
  computer.passes(16 * 60_000)
  lost = 0
  computer.passes(60_000)
  expect(lost).toBe(0)
})
it('reports nothing where there never was a network', () => {
  isUp = false
  watch()
  computer.passes(60_000)
  expect(lost).toBe(0)
})
