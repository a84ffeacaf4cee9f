import { expect, it } from 'vitest'
import type { UserId } from '#shared/domain/ids.ts'
import { createUserLimit } from './user-limit.ts'

const [anna, ben] = [1, 2] as [UserId, UserId]

it('allows a user so many requests within a minute, reports how long to wait, and does not affect others', () => {
  let now = 0
  const take = createUserLimit(3, () => now)
  for (let i = 0; i < 3; i++) take(anna)
  now = 20_000
  expect(() => take(anna)).toThrow(
    expect.objectContaining({ code: 'E_RATE_LIMITED', retryAfterSeconds: 40 }),
  )
  take(ben)
  now = 60_000
  take(anna)
})
