import { beforeEach, describe, expect, it } from 'vitest'
import { createControllerClock } from './controller-clock.ts'
import { clockNote } from '../../features/deployments/rollout-words.ts'

const TRUE_MS = Date.parse('2026-11-29T12:00:00Z')
let passedMs = 0
let wrongMs = 0
let clock: ReturnType<typeof createControllerClock>
beforeEach(() => {
  passedMs = 0
  wrongMs = 0
  clock = createControllerClock({
    wallMs: () => TRUE_MS + passedMs + wrongMs,
    monotonicMs: () => 70 + passedMs,
  })
})
const reply = () => clock.noteDate(new Date(TRUE_MS + passedMs).toUTCString())
const offMs = () => Math.abs(clock.now() - TRUE_MS - passedMs)

describe("the controller's clock", () => {
  it("uses this computer's clock until the controller has answered", () => {
    wrongMs = 900_000
    expect(clock.now()).toBe(TRUE_MS + 900_000)
    expect(clock.aheadMs()).toBe(0)
  })
  it.each([
    ['15 minutes slow', -900_000],
    ['three hours fast', 10_800_000],
    ['ten years back', -315_360_000_000],
  ])('is correct on a computer that is %s', (_, byMs) => {
    wrongMs = byMs
    reply()
    passedMs += 3_600_000
    expect(offMs()).toBeLessThan(1_000)
    expect(Math.abs(clock.aheadMs() - byMs)).toBeLessThan(1_000)
  })
  it("ignores changes of this computer's clock and follows changes of the controller's", () => {
    reply()
    wrongMs = 86_400_000
    expect(offMs()).toBeLessThan(1_000)
    clock.noteDate(new Date(TRUE_MS - 86_400_000).toUTCString())
    expect(Math.abs(clock.now() - TRUE_MS + 86_400_000)).toBeLessThan(1_000)
  })
  it('ignores small differences between replies, and replies without a valid date', () => {
    reply()
    const before = clock.now()
    for (const date of [null, '', 'never']) clock.noteDate(date)
    clock.noteDate(new Date(TRUE_MS + 900).toUTCString())
    expect(clock.now()).toBe(before)
  })
})

describe('the note on a wrong clock', () => {
  it.each([
    [0, null],
    [59_000, null],
    [-59_000, null],
    [-900_000, /15 min behind/],
    [10_800_000, /3 h ahead/],
  ])('%i ms ahead', (aheadMs, words) => {
    if (words === null) expect(clockNote(aheadMs)).toBeNull()
    else expect(clockNote(aheadMs)).toMatch(words)
  })
})
