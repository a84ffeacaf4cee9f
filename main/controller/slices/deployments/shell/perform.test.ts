import { expect, it } from 'vitest'
import { AttemptId } from '#shared/domain/ids.ts'
import { systemRandom } from '#shared/node/random.ts'
import { newAttemptId } from './perform.ts'

it('makes ids of attempts that differ and are in the order of time', () => {
  const startMs = Date.parse('2026-01-01')
  const ids = Array.from({ length: 1_000 }, (_, i) => newAttemptId(startMs + i, systemRandom))
  expect(ids.toSorted()).toEqual(ids)
  const atOnce = Array.from({ length: 1_000 }, () => newAttemptId(startMs, systemRandom))
  expect(new Set(atOnce).size).toBe(1_000)
  for (const id of [...ids, ...atOnce]) expect(AttemptId.safeParse(id).success).toBe(true)
})

it('makes an id when the clock shows a time before 1970', () => {
  expect(newAttemptId(-1, systemRandom)).toMatch(/^0{12}/)
})
