import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keepOrder } from './stable-order.ts'

const up = (a: number, b: number) => a - b
const self = (n: number) => n

describe('the order of rows', () => {
  it('is sorted at first', () => expect(keepOrder([], [3, 1, 2], self, up)).toEqual([1, 2, 3]))
  it('stays when the sort would move rows', () =>
    expect(keepOrder([3, 1, 2], [1, 2, 3], self, up)).toEqual([3, 1, 2]))
  it('appends new rows, sorted', () =>
    expect(keepOrder([3, 1], [5, 4, 3, 1], self, up)).toEqual([3, 1, 4, 5]))
  it('drops removed rows', () => expect(keepOrder([3, 1, 2], [2, 3], self, up)).toEqual([3, 2]))
  it('never loses, duplicates or swaps rows', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer()), fc.uniqueArray(fc.integer()), (previous, items) => {
        const next = keepOrder(previous, items, self, up)
        expect([...next].sort(up)).toEqual([...items].sort(up))
        const kept = previous.filter((k) => items.includes(k))
        expect(next.slice(0, kept.length)).toEqual(kept)
      }),
    ))
})
