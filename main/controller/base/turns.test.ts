import { expect, it } from 'vitest'
import { createTurns } from './turns.ts'

it.each([
  ['short steps', 3, 12, [4, 8, 12]],
  ['long steps', 40, 3, [1, 2, 3]],
  ['steps that take no time', 0, 12, []],
])('gives other work a turn after ten milliseconds: %s', async (_what, stepMs, count, expected) => {
  let nowMs = 0
  let steps = 0
  const turnsAfter: number[] = []
  const turn = createTurns({
    monotonicMs: () => nowMs,
    nextTurn: (fn) => {
      turnsAfter.push(steps)
      fn()
      return () => {}
    },
  })
  while (steps < count) {
    nowMs += stepMs
    steps++
    await turn()
  }
  expect(turnsAfter).toEqual(expected)
})
