import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { createTestClock, type TestClock } from '../test-kit/test-clock.ts'
import { createClock, JUMP_MS, tick, type Clock, type ClockChange } from './clock.ts'

const DAY_MS = 24 * 3_600_000
const at = (wallMs: number, monotonicMs: number, uptimeMs = monotonicMs) => ({
  wallMs,
  monotonicMs,
  uptimeMs,
})
const anchor = { ...at(1_000_000, 5_000), awakeMs: 100, sleptMs: 0 }

describe('a tick', () => {
  it('reports neither passing time nor a small clock correction', () => {
    expect(tick(anchor, at(1_001_000, 6_000)).change).toBeNull()
    expect(tick(anchor, at(1_003_000, 6_000)).change).toBeNull()
    expect(tick(anchor, at(997_500, 6_000)).change).toBeNull()
  })
  it.each([
    ['forward', DAY_MS, true],
    ['back', -DAY_MS, false],
    ['forward by ten years', 3_650 * DAY_MS, true],
    ['back by ten years', -3_650 * DAY_MS, false],
  ])('detects a clock that was set %s', (_, byMs, resumed) => {
    const { change, anchor: next } = tick(anchor, at(1_001_000 + byMs, 6_000))
    expect(change).toEqual({ shiftMs: byMs, jumpMs: byMs, resumed })
    expect(next.awakeMs).toBe(1_100)
  })
  it('detects that the process was suspended', () => {
    const { change, anchor: next } = tick(anchor, at(1_140_000, 145_000))
    expect(change).toEqual({ shiftMs: 140_000 - JUMP_MS, jumpMs: 0, resumed: true })
    expect(next.awakeMs).toBe(100 + JUMP_MS)
  })
  it('detects that the computer slept while the monotonic clock stood still', () => {
    const { change, anchor: next } = tick(anchor, at(1_000_500 + DAY_MS, 5_500, 5_500 + DAY_MS))
    expect(change).toEqual({ shiftMs: DAY_MS, jumpMs: 0, resumed: true })
    expect(next.sleptMs).toBe(DAY_MS)
  })
  it('distinguishes a suspension from a clock that was set meanwhile', () => {
    const { change } = tick(anchor, at(1_000_000, 145_000))
    expect(change).toEqual({ shiftMs: -JUMP_MS, jumpMs: -140_000, resumed: true })
  })
})

let computer: TestClock
let clock: Clock
let changes: ClockChange[]
beforeEach(() => {
  computer = createTestClock()
  clock = createClock(computer.source)
  changes = []
  clock.onChange((change) => changes.push(change))
  return clock.stop
})

describe('the clock', () => {
  it('applies a jump only once all listeners have been called', () => {
    const beforeMs = clock.wallMs()
    computer.jumps(DAY_MS)
    expect(clock.wallMs() - beforeMs).toBeLessThan(JUMP_MS)
    let seenMs = 0
    clock.onChange(({ shiftMs }) => (seenMs = clock.wallMs() - beforeMs - shiftMs))
    computer.tick()
    expect(seenMs).toBeLessThan(JUMP_MS)
    expect(clock.wallMs() - beforeMs).toBeGreaterThanOrEqual(DAY_MS)
    expect(changes).toHaveLength(1)
  })
  it('counts neither jumps nor suspensions as working time', () => {
    const startMs = clock.awakeMs()
    computer.passes(60_000)
    expect(clock.awakeMs() - startMs).toBeGreaterThanOrEqual(60_000)
    computer.jumps(-DAY_MS)
    computer.tick()
    computer.stops(DAY_MS)
    expect(clock.awakeMs() - startMs).toBeLessThan(60_000 + 2 * JUMP_MS)
    computer.tick()
    computer.sleeps(DAY_MS)
    computer.tick()
    expect(clock.awakeMs() - startMs).toBeLessThan(60_000 + 3 * JUMP_MS)
    expect(changes.map(({ resumed }) => resumed)).toEqual([false, true, true])
  })
  it('counts sleep as real time', () => {
    const startMs = clock.monotonicMs()
    computer.sleeps(DAY_MS)
    computer.tick()
    computer.jumps(-DAY_MS)
    computer.tick()
    expect(Math.round((clock.monotonicMs() - startMs) / DAY_MS)).toBe(1)
  })
  it('reports a resume when the operating system does, whatever its clocks show', () => {
    clock.resumed()
    expect(changes).toEqual([{ shiftMs: 0, jumpMs: 0, resumed: true }])
  })
  it('calls the other listeners when one of them fails', () => {
    const failures: unknown[] = []
    const careful = createClock(computer.source, (error) => failures.push(error))
    let calls = 0
    careful.onChange(() => {
      throw new Error('no')
    })
    careful.onChange(() => calls++)
    computer.jumps(DAY_MS)
    computer.tick()
    careful.stop()
    expect([failures.length, calls]).toEqual([1, 1])
  })
  it('keeps the remaining time of every deadline, whatever happens', () => {
    const step = fc.record({
      what: fc.constantFrom('passes', 'jumps', 'stops', 'sleeps'),
      ms: fc.integer({ min: 1, max: 100 * DAY_MS }),
      back: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const own = createTestClock()
        const followed = createClock(own.source)
        let deadlineMs = followed.wallMs() + 3_600_000
        const end = followed.awakeMs() + 3_600_000
        followed.onChange(({ shiftMs }) => (deadlineMs += shiftMs))
        for (const { what, ms, back } of steps) {
          if (what === 'passes') own.passes(ms % 20_000)
          else if (what === 'jumps') own.jumps(back ? -ms : ms)
          else if (what === 'stops') own.stops(ms)
          else own.sleeps(ms)
          own.tick()
          // A correction below the limit is applied silently.
          const offMs = deadlineMs - followed.wallMs() - (end - followed.awakeMs())
          expect(Math.abs(offMs)).toBeLessThan(JUMP_MS * (steps.length + 1))
        }
        followed.stop()
      }),
      { numRuns: 50 },
    )
  })
})
