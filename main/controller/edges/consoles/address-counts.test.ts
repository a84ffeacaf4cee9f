import { expect, it } from 'vitest'
import { addressCounts } from './address-counts.ts'

let nowMs = 0
const Counts = addressCounts(() => nowMs)
const counts = new Counts({})
const take = (address: string, from = counts): { current: number; ttl: number } => {
  let taken = { current: 0, ttl: 0 }
  from.incr(address, (_error, result) => (taken = result ?? taken), 60_000, 3)
  return taken
}

it('counts the requests of an address for a minute from the first one, and then starts over', () => {
  expect(take('a')).toEqual({ current: 1, ttl: 60_000 })
  nowMs += 59_999
  expect(take('a')).toEqual({ current: 2, ttl: 1 })
  expect(take('b')).toEqual({ current: 1, ttl: 60_000 })
  nowMs += 1
  expect(take('a')).toEqual({ current: 1, ttl: 60_000 })
})
it('counts each route separately', () => {
  expect(take('a', counts.child({} as never)).current).toBe(1)
})
it('forgets the oldest addresses beyond its limit', () => {
  for (let i = 0; i < 5_001; i++) take(`c${i}`)
  expect(take('c0').current).toBe(1)
  expect(take('c5000').current).toBe(2)
})
