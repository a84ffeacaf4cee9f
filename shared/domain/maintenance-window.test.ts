import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MaintenanceWindow, oddEdgeOf, windowAt, windowInWords } from './maintenance-window.ts'

const before = process.env['TZ']
beforeAll(() => {
  // Clock changes there: on 29 March 2026 from 2 to 3 o'clock, on 25 October from 3 back to 2.
  process.env['TZ'] = 'Europe/Berlin'
})
afterAll(() => {
  if (before === undefined) delete process.env['TZ']
  else process.env['TZ'] = before
})

const window = (start: string, end: string, days = [0, 1, 2, 3, 4, 5, 6]) => ({ start, end, days })
/** A local time with its offset, which distinguishes the repeated hour in autumn. */
const at = (text: string) => Date.parse(text)
const look = (w: MaintenanceWindow, text: string) => {
  const { isOpen, changesAtMs } = windowAt(w, at(text))
  return [isOpen, new Date(changesAtMs).toISOString()]
}
const iso = (text: string) => new Date(at(text)).toISOString()

describe('a maintenance window', () => {
  it('uses the time zone of this test', () => {
    expect(new Date(at('2026-07-01T12:00:00+02:00')).getHours()).toBe(12)
    expect(new Date(at('2026-01-01T12:00:00+01:00')).getHours()).toBe(12)
  })

  const evening = window('18:00', '22:00')
  it.each([
    ['before it opens', '2026-06-10T17:59:59+02:00', false, '2026-06-10T18:00:00+02:00'],
    ['as it opens', '2026-06-10T18:00:00+02:00', true, '2026-06-10T22:00:00+02:00'],
    ['while it is open', '2026-06-10T20:00:00+02:00', true, '2026-06-10T22:00:00+02:00'],
    ['as it closes', '2026-06-10T22:00:00+02:00', false, '2026-06-11T18:00:00+02:00'],
  ])('%s', (_when, now, isOpen, changes) => {
    expect(look(evening, now)).toEqual([isOpen, iso(changes)])
  })

  const night = window('22:30', '05:00')
  it.each([
    ['in the evening', '2026-06-10T23:00:00+02:00', true, '2026-06-11T05:00:00+02:00'],
    ['after midnight', '2026-06-11T04:59:00+02:00', true, '2026-06-11T05:00:00+02:00'],
    ['in the morning', '2026-06-11T05:00:00+02:00', false, '2026-06-11T22:30:00+02:00'],
  ])('across midnight, %s', (_when, now, isOpen, changes) => {
    expect(look(night, now)).toEqual([isOpen, iso(changes)])
  })

  // 12 June 2026 is a Friday.
  const fridays = window('22:00', '04:00', [5])
  it.each([
    ['on Friday evening', '2026-06-12T23:00:00+02:00', true, '2026-06-13T04:00:00+02:00'],
    ['early on Saturday', '2026-06-13T03:00:00+02:00', true, '2026-06-13T04:00:00+02:00'],
    ['early on Friday', '2026-06-12T03:00:00+02:00', false, '2026-06-12T22:00:00+02:00'],
    ['a week ahead', '2026-06-13T04:00:00+02:00', false, '2026-06-19T22:00:00+02:00'],
  ])('belongs to the day on which it opens: %s', (_when, now, isOpen, changes) => {
    expect(look(fridays, now)).toEqual([isOpen, iso(changes)])
  })

  describe('on the night of 29 March, without an hour from 2 to 3', () => {
    it.each([
      ['23:00', '05:00', '2026-03-29T01:30:00+01:00', true, '2026-03-29T05:00:00+02:00'],
      // It closes at a skipped time: one hour later by the clock, at the same moment.
      ['23:00', '02:30', '2026-03-29T01:30:00+01:00', true, '2026-03-29T03:30:00+02:00'],
      ['02:30', '05:00', '2026-03-29T01:59:00+01:00', false, '2026-03-29T03:30:00+02:00'],
      ['02:30', '05:00', '2026-03-29T03:30:00+02:00', true, '2026-03-29T05:00:00+02:00'],
      ['12:00', '13:00', '2026-03-28T13:00:00+01:00', false, '2026-03-29T12:00:00+02:00'],
    ])('from %s to %s, checked at %s', (start, end, now, isOpen, changes) => {
      expect(look(window(start, end), now)).toEqual([isOpen, iso(changes)])
    })
  })

  describe('on the night of 25 October, with the hour from 2 to 3 twice', () => {
    it.each([
      ['23:00', '05:00', '2026-10-25T02:30:00+02:00', true, '2026-10-25T05:00:00+01:00'],
      ['23:00', '05:00', '2026-10-25T02:30:00+01:00', true, '2026-10-25T05:00:00+01:00'],
      ['02:30', '05:00', '2026-10-25T02:10:00+02:00', false, '2026-10-25T02:30:00+02:00'],
      // It opened in the first of the two hours, and stays open through the second.
      ['02:30', '05:00', '2026-10-25T02:10:00+01:00', true, '2026-10-25T05:00:00+01:00'],
      ['12:00', '13:00', '2026-10-24T13:00:00+02:00', false, '2026-10-25T12:00:00+01:00'],
    ])('from %s to %s, checked at %s', (start, end, now, isOpen, changes) => {
      expect(look(window(start, end), now)).toEqual([isOpen, iso(changes)])
    })
  })

  // 22:00 to 05:00 in Tokyo is 13:00 to 20:00 UTC, whatever the reader's zone.
  it.each(['Europe/Berlin', 'Asia/Tokyo', 'America/New_York', 'Pacific/Kiritimati'])(
    'in a zone of its own is the same for a reader in %s',
    (zone) => {
      process.env['TZ'] = zone
      const tokyo = { ...window('22:00', '05:00', [5]), time_zone: 'Asia/Tokyo' }
      expect(look(tokyo, '2026-06-12T12:59:00Z')).toEqual([false, iso('2026-06-12T13:00:00Z')])
      expect(look(tokyo, '2026-06-12T13:00:00Z')).toEqual([true, iso('2026-06-12T20:00:00Z')])
      expect(look(tokyo, '2026-06-12T20:00:00Z')).toEqual([false, iso('2026-06-19T13:00:00Z')])
      process.env['TZ'] = 'Europe/Berlin'
    },
  )
  it.each([
    ['Europe/Berlin', '2026-03-28T22:00:00+01:00', '2026-03-29T03:30:00+02:00'],
    ['America/New_York', '2026-03-07T22:00:00-05:00', '2026-03-08T03:30:00-04:00'],
    ['Australia/Lord_Howe', '2026-10-03T22:00:00+10:30', '2026-10-04T02:30:00+11:00'],
    ['Asia/Tokyo', '2026-03-28T22:00:00+09:00', '2026-03-29T02:30:00+09:00'],
  ])('in %s opens after the skipped hour', (time_zone, now, opens) => {
    expect(look({ ...window('02:30', '05:00'), time_zone }, now)).toEqual([false, iso(opens)])
  })
  it('opens a week later if it lies within the skipped hour', () => {
    const sundays = { ...window('02:30', '03:15', [0]), time_zone: 'Europe/Berlin' }
    expect(look(sundays, '2026-03-22T12:00:00+01:00')).toEqual([
      false,
      iso('2026-04-05T02:30:00+02:00'),
    ])
  })
  it("uses the runtime's own zone if its zone is unknown", () => {
    expect(
      look({ ...evening, time_zone: 'Moon/Tranquility' }, '2026-06-10T20:00:00+02:00'),
    ).toEqual([true, iso('2026-06-10T22:00:00+02:00')])
  })
  it('finds the edge that a clock change affects', () => {
    const early = { ...window('02:30', '05:00'), time_zone: 'Europe/Berlin' }
    expect(oddEdgeOf(early, at('2026-03-25T12:00:00Z'))).toEqual({
      edge: 'start',
      kind: 'skipped',
      atMs: at('2026-03-29T03:30:00+02:00'),
    })
    expect(oddEdgeOf(window('22:00', '02:30'), at('2026-10-20T12:00:00Z'))).toEqual({
      edge: 'end',
      kind: 'twice',
      atMs: at('2026-10-25T02:30:00+02:00'),
    })
    expect(oddEdgeOf(evening, at('2026-03-25T12:00:00Z'))).toBeNull()
    expect(oddEdgeOf({ ...early, time_zone: 'Asia/Tokyo' }, at('2026-03-25T12:00:00Z'))).toBeNull()
  })

  it('keeps its state until the next change, which comes within 15 days', () => {
    const minutes = fc.integer({ min: 0, max: 24 * 60 - 1 })
    const time = (m: number) =>
      `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`
    fc.assert(
      fc.property(
        minutes,
        minutes,
        fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
        fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(undefined, 'Asia/Tokyo', 'America/New_York', 'Australia/Lord_Howe'),
        (from, to, days, nowMs, part, time_zone) => {
          fc.pre(from !== to)
          const w = { ...window(time(from), time(to), days), time_zone }
          const { isOpen, changesAtMs } = windowAt(w, nowMs)
          expect(changesAtMs).toBeGreaterThan(nowMs)
          expect(changesAtMs - nowMs).toBeLessThan(15 * 24 * 3_600_000)
          const between = nowMs + Math.floor(part * (changesAtMs - 1 - nowMs))
          expect(windowAt(w, between).isOpen).toBe(isOpen)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it.each([
    [{ start: '22:00', end: '22:00' }],
    [{ start: '24:00', end: '05:00' }],
    [{ start: '9:00', end: '10:00' }],
    [{ start: '09:00', end: '10:60' }],
    [{ start: '09:00', end: '10:00', days: [] }],
    [{ start: '09:00', end: '10:00', days: [7] }],
    [{ start: '09:00' }],
    [{ start: '09:00', end: '10:00', time_zone: 'Mars/Olympus' }],
    [{ start: '09:00', end: '10:00', time_zone: '+09:00' }],
    [{ start: '09:00', end: '10:00', time_zone: '' }],
    [{ start: '09:00', end: '10:00', time_zone: 9 }],
  ])('is refused: %o', (given) => expect(MaintenanceWindow.safeParse(given).success).toBe(false))
  it('opens every day by default', () => {
    expect(MaintenanceWindow.parse({ start: '22:00', end: '05:00' }).days).toHaveLength(7)
  })

  it.each([
    [window('22:00', '05:00'), 'every day, 22:00 to 05:00'],
    [window('22:00', '05:00', [1, 2, 3, 4, 5]), 'Mon to Fri, 22:00 to 05:00'],
    [window('22:00', '05:00', [5, 6, 0]), 'Fri to Sun, 22:00 to 05:00'],
    [window('22:00', '05:00', [0, 6]), 'Sat, Sun, 22:00 to 05:00'],
    [window('22:00', '05:00', [3]), 'Wed, 22:00 to 05:00'],
    [window('22:00', '05:00', [1, 3, 5]), 'Mon, Wed, Fri, 22:00 to 05:00'],
    [window('22:00', '05:00', [1, 1, 2, 2]), 'Mon, Tue, 22:00 to 05:00'],
  ])('is described in words: %o', (w, words) => expect(windowInWords(w, null)).toBe(words))

  it("names its zone if the reader's clocks show another time", () => {
    const night = { ...window('22:00', '05:00'), time_zone: 'America/New_York' }
    const inWords = (zone: string) =>
      windowInWords(night, { zone, nowMs: at('2026-06-10T12:00:00Z') })
    expect(inWords('Asia/Tokyo')).toBe('every day, 22:00 to 05:00 (America/New York)')
    expect(inWords('America/New_York')).toBe('every day, 22:00 to 05:00')
    expect(inWords('America/Toronto')).toBe('every day, 22:00 to 05:00')
    expect(windowInWords(night, null)).toBe('every day, 22:00 to 05:00 (America/New York)')
  })
})
