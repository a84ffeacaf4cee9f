import { expect, it } from 'vitest'
import { createKeepAwake } from './keep-awake.ts'

it('keeps the computer awake exactly while PCs are working', () => {
  const active = new Set<number>()
  let next = 0
  const keepAwake = createKeepAwake({
    start: () => {
      active.add(next)
      return next++
    },
    stop: (id) => void active.delete(id),
  })
  keepAwake.update(0)
  expect(active.size).toBe(0)
  keepAwake.update(3)
  keepAwake.update(1)
  expect(active.size).toBe(1)
  keepAwake.update(0)
  expect(active.size).toBe(0)
  keepAwake.update(2)
  keepAwake.stop()
  keepAwake.stop()
  expect(active.size).toBe(0)
  expect(next).toBe(2)
})
