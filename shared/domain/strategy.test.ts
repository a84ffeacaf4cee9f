import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  reachesThreshold,
  Strategy,
  strategyProblems,
  STRATEGY_TYPES,
  waveSizes,
} from './strategy.ts'

const strategy = (part: Partial<Strategy> = {}): Strategy => ({ max_concurrent: 50, ...part })

describe('the fields of a strategy', () => {
  it.each([
    ['parallel', {}],
    ['parallel', { failure_threshold_percent: 20, min_executed: 3 }],
    ['rolling', { batch_size: 5, pause_seconds: 60 }],
    ['rolling', { batch_percent: 10 }],
    ['canary', { canary_count: 1, failure_threshold_percent: 1 }],
    ['canary', { canary_percent: 5 }],
  ] as const)('%s takes %o', (type, part) => {
    expect(strategyProblems(type, strategy(part))).toEqual([])
  })
  it.each([
    ['rolling', {}, 'batch_size'],
    ['rolling', { batch_size: 1, batch_percent: 1 }, 'batch_percent'],
    ['rolling', { batch_size: 1, canary_count: 1 }, 'canary_count'],
    ['canary', {}, 'canary_count'],
    ['canary', { canary_count: 1, canary_percent: 1 }, 'canary_percent'],
    ['canary', { canary_count: 1, pause_seconds: 1 }, 'pause_seconds'],
    ['parallel', { batch_percent: 1 }, 'batch_percent'],
    ['parallel', { min_executed: 2 }, 'min_executed'],
  ] as const)('%s refuses %o and names %s', (type, part, key) => {
    expect(strategyProblems(type, strategy(part)).map((problem) => problem.key)).toEqual([key])
  })
  it.each([
    { max_concurrent: 0 },
    { max_concurrent: 1.5 },
    { batch_size: -1 },
    { batch_percent: 0 },
    { canary_percent: 101 },
    { pause_seconds: 7 * 24 * 3_600 + 1 },
    { failure_threshold_percent: 0.5 },
    { min_executed: 0 },
  ])('refuses %o', (part) => expect(Strategy.safeParse(part).success).toBe(false))
  it('allow fifty devices at a time by default', () => {
    expect(Strategy.parse({})).toEqual({ max_concurrent: 50 })
  })
})

describe('waves', () => {
  it.each([
    ['parallel', {}, 7, [7]],
    ['rolling', { batch_size: 3 }, 7, [3, 3, 1]],
    ['rolling', { batch_size: 10 }, 7, [7]],
    ['rolling', { batch_percent: 50 }, 7, [4, 3]],
    ['rolling', { batch_percent: 1 }, 3, [1, 1, 1]],
    ['rolling', { batch_percent: 100 }, 3, [3]],
    ['canary', { canary_count: 2 }, 7, [2, 5]],
    ['canary', { canary_count: 9 }, 7, [7]],
    ['canary', { canary_percent: 10 }, 7, [1, 6]],
    ['canary', { canary_percent: 100 }, 7, [7]],
    ['parallel', {}, 0, []],
    ['rolling', { batch_size: 1 }, 0, []],
    ['canary', { canary_count: 1 }, 0, []],
  ] as const)('%s %o of %i devices: %o', (type, part, count, sizes) => {
    expect(waveSizes(type, strategy(part), count)).toEqual(sizes)
  })
  it('contain every device once, and none is empty', () => {
    const parts = fc.record({
      batch: fc.integer({ min: 1, max: 10_000 }),
      percent: fc.double({ min: 1, max: 100, noNaN: true }),
      byShare: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.constantFrom(...STRATEGY_TYPES),
        parts,
        fc.nat({ max: 10_000 }),
        (type, { batch, percent, byShare }, count) => {
          const part = byShare
            ? { batch_percent: percent, canary_percent: percent }
            : { batch_size: batch, canary_count: batch }
          const sizes = waveSizes(type, strategy(part), count)
          expect(sizes.reduce((a, b) => a + b, 0)).toBe(count)
          expect(sizes.every((size) => size > 0 && Number.isInteger(size))).toBe(true)
        },
      ),
    )
  })
})

describe('the failure threshold', () => {
  it.each([
    [0, 0, 1, false],
    [1, 0, 1, false],
    [0, 1, 100, true],
    [1, 1, 50, true],
    [1, 1, 51, false],
    [2, 1, 33, true],
    [2, 1, 34, false],
    [99, 1, 1, true],
    [100, 1, 1, false],
  ])('%i completed and %i failed at %i %%: %s', (completed, failed, percent, reached) => {
    expect(reachesThreshold({ completed, failed }, percent)).toBe(reached)
  })
})
