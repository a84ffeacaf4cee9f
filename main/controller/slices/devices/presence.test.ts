import { beforeEach, describe, expect, it } from 'vitest'
import type { DeviceId } from '#shared/domain/ids.ts'
import { createClock, type Clock } from '../../base/clock.ts'
import { createTestClock, type TestClock } from '../../test-kit/test-clock.ts'
import { createPresence, type Presence } from './presence.ts'

const DAY_MS = 24 * 3_600_000
const [A, B, C] = [1, 2, 3] as DeviceId[] as [DeviceId, DeviceId, DeviceId]

let computer: TestClock
let clock: Clock
let presence: Presence
beforeEach(() => {
  computer = createTestClock()
  clock = createClock(computer.source)
  presence = createPresence({ clock })
  return clock.stop
})
const started = (...ids: DeviceId[]) => {
  ids.forEach((id) => presence.linked(id))
  computer.passes(61_000)
}

describe('presence', () => {
  it('marks nothing offline within a minute of the start, nor within 15 s without a link', () => {
    presence.linked(A)
    computer.passes(59_000)
    expect(presence.reachability(B)).toBe('connecting')
    computer.passes(2_000)
    expect(presence.reachability(B)).toBe('offline')
    presence.unlinked(A)
    computer.passes(14_000)
    expect(presence.reachability(A)).toBe('connecting')
    computer.passes(2_000)
    expect(presence.reachability(A)).toBe('offline')
  })
  it.each([
    ['back by a day', -DAY_MS],
    ['back by ten years', -3_650 * DAY_MS],
  ])('marks a device offline 15 s after its link ended, even with the clock set %s', (_, byMs) => {
    started(A, B)
    presence.unlinked(A)
    computer.jumps(byMs)
    computer.passes(16_000)
    expect(presence.reachability(A)).toBe('offline')
  })
  it.each([
    ['the clock was set forward by a day', () => computer.jumps(DAY_MS)],
    ['the clock was set forward by ten years', () => computer.jumps(3_650 * DAY_MS)],
    ['the process was stopped', () => computer.stops(140_000)],
    ['the computer was asleep', () => computer.sleeps(140_000)],
    ['the operating system reported a resume', () => clock.resumed()],
  ])('waits another minute for all devices after %s', (_, happens) => {
    started(A, B)
    presence.unlinked(A)
    computer.passes(8_000)
    happens()
    // Nothing has noticed the event yet, so the device must not count as offline.
    expect(presence.reachability(A)).toBe('connecting')
    computer.tick()
    presence.unlinked(B)
    computer.passes(58_000)
    expect([A, B, C].map((id) => presence.reachability(id))).toEqual(Array(3).fill('connecting'))
    const { lastSignMs } = presence.of(A, clock.wallMs())
    expect(clock.wallMs() - lastSignMs).toBeLessThan(60_000)
    presence.linked(B)
    computer.passes(3_000)
    expect([A, B, C].map((id) => presence.reachability(id))).toEqual([
      'offline',
      'online',
      'offline',
    ])
  })
  it('waits a minute when all links end together, and not when they end one after the other', () => {
    started(A, B)
    presence.unlinked(A)
    computer.passes(9_000)
    presence.unlinked(B)
    computer.passes(50_000)
    expect(presence.reachability(A)).toBe('connecting')
    computer.passes(11_000)
    expect(presence.reachability(A)).toBe('offline')

    presence.linked(A)
    presence.linked(B)
    presence.unlinked(A)
    computer.passes(16_000)
    presence.unlinked(B)
    expect(presence.reachability(A)).toBe('offline')
    computer.passes(16_000)
    expect(presence.reachability(B)).toBe('offline')
  })
  it('waits a minute when all links except that of its own computer end together', () => {
    const D = 4 as DeviceId
    presence.linked(D, true)
    started(A, B)
    presence.unlinked(A)
    presence.unlinked(B)
    computer.passes(50_000)
    expect([A, B, D].map((id) => presence.reachability(id))).toEqual([
      ...['connecting', 'connecting', 'online'],
    ])
    computer.passes(11_000)
    expect(presence.reachability(A)).toBe('offline')
  })
  it('does not count the link of its own computer as one that was lost together', () => {
    presence.linked(B, true)
    presence.linked(C, true)
    started(A)
    presence.unlinked(A)
    presence.unlinked(B)
    computer.passes(16_000)
    expect(presence.reachability(A)).toBe('offline')
  })
  it('does not treat the loss of its only link as a local fault', () => {
    started(A)
    presence.unlinked(A)
    computer.passes(16_000)
    expect(presence.reachability(A)).toBe('offline')
  })
})
