import { beforeEach, describe, expect, it } from 'vitest'
import { createThrottle, type Throttle, type Try } from './throttle.ts'

let nowMs = 0
let throttle: Throttle
beforeEach(() => {
  nowMs = 1_000_000
  throttle = createThrottle({ clock: { monotonicMs: () => nowMs } })
})
const begin = (account: string, address: string): number => {
  const attempt = throttle.begin(account, address)
  return 'waitMs' in attempt ? attempt.waitMs : 0
}
/** Guesses continuously until it has to wait. */
const guessUntilWait = (account: string, address: string): number => {
  for (let i = 0; i < 1_000; i++) {
    const waitMs = begin(account, address)
    if (waitMs > 0) return waitMs
  }
  return 0
}

describe('sign-ins', () => {
  it('wait twice as long each time, up to five minutes', () => {
    const waits: number[] = []
    for (let i = 0; i < 12; i++) {
      const waitMs = guessUntilWait('anna', 'a')
      waits.push(waitMs)
      nowMs += waitMs
    }
    expect(waits.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000])
    expect(Math.max(...waits)).toBe(300_000)
  })
  it('count while they are verified, so that fifty at once are not fifty free guesses', () => {
    const allowed = Array.from({ length: 50 }, () => begin('anna', 'a')).filter((w) => w === 0)
    expect(allowed).toHaveLength(5)
  })
  it('that have to wait anyway do not prolong the wait', () => {
    const waitMs = guessUntilWait('anna', 'a')
    for (let i = 0; i < 100; i++) begin('anna', 'a')
    nowMs += waitMs
    expect(begin('anna', 'a')).toBe(0)
  })
  it('from elsewhere are not delayed while one address guesses', () => {
    guessUntilWait('anna', 'attacker')
    expect(begin('anna', 'office')).toBe(0)
    expect(begin('ben', 'attacker')).toBe(0)
  })
  it('with many names from one address have to wait as well', () => {
    const names = Array.from({ length: 40 }, (_, i) => begin(`user-${i}`, 'a'))
    expect(names.filter((waitMs) => waitMs === 0)).toHaveLength(30)
  })
  it('from many machines at one account are slowed down, but never lock its owner out', () => {
    ;(throttle.begin('anna', 'office') as Try).succeeded()
    const waits = Array.from({ length: 500 }, (_, i) => begin('anna', `bot-${i}`))
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(50)
    expect(Math.max(...waits)).toBeLessThanOrEqual(10_000)
    expect(begin('anna', 'office')).toBe(0)
  })
  it('are forgotten after an hour without any, and after a successful one', () => {
    guessUntilWait('anna', 'a')
    nowMs += 61 * 60_000
    for (let i = 0; i < 4; i++) expect(begin('anna', 'a')).toBe(0)
    ;(throttle.begin('anna', 'a') as Try).succeeded()
    for (let i = 0; i < 5; i++) expect(begin('anna', 'a')).toBe(0)
  })
  it('cannot fill the memory with names', () => {
    for (let i = 0; i < 30_000; i++) begin(`user-${i}`, `address-${i}`)
    expect(begin('anna', 'a')).toBe(0)
  })
})
