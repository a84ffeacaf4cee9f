import { expect, it } from 'vitest'
import { afterToggle, columnsThatFit } from './data-list.ts'
import type { Column } from './data-list.ts'

const COLUMNS: Column[] = [
  { key: 'name', label: 'Name', width: 'minmax(180px, 2fr)' },
  { key: 'state', label: 'State', width: '120px', drop: 2 },
  { key: 'seen', label: 'Seen', width: '92px', drop: 1 },
  { key: 'act', label: 'Actions', width: 'minmax(0, 1fr)' },
]
const keys = (px: number, withChoice = false) =>
  columnsThatFit(COLUMNS, px, withChoice).map((c) => c.key)
// Three gaps of 16 px, two sides of 24 px.
const ALL_PX = 180 + 120 + 92 + 3 * 16 + 2 * 24

it('keeps all columns when there is room', () => {
  expect(keys(ALL_PX)).toEqual(['name', 'state', 'seen', 'act'])
})
it('drops the least important columns in order, and no more than necessary', () => {
  expect(keys(ALL_PX - 1)).toEqual(['name', 'state', 'act'])
  expect(keys(ALL_PX - 92 - 16)).toEqual(['name', 'state', 'act'])
  expect(keys(ALL_PX - 92 - 17)).toEqual(['name', 'act'])
})
it('never drops a column without a drop order', () => {
  expect(keys(10)).toEqual(['name', 'act'])
})
it('accounts for the width of the selection column', () => {
  expect(keys(ALL_PX + 28 + 16, true)).toHaveLength(4)
  expect(keys(ALL_PX + 28 + 15, true)).toHaveLength(3)
})

it('appends newly selected items to the selection, each item once', () => {
  expect([...afterToggle([3, 1], [1, 2, 4], true)]).toEqual([3, 1, 2, 4])
})
it('removes what is deselected, and keeps the order of the rest', () => {
  expect([...afterToggle([3, 1, 2], [1, 9], false)]).toEqual([3, 2])
})
it('leaves the earlier selection as it was', () => {
  const before = new Set([1])
  afterToggle(before, [2], true)
  expect([...before]).toEqual([1])
})
