import { afterEach, describe, expect, it } from 'vitest'
import {
  isTimeZone,
  localDay,
  localMoment,
  offsetInWords,
  ownTimeZone,
  showsSameTime,
} from './time-zone.ts'

const before = process.env['TZ']
afterEach(() => {
  if (before === undefined) delete process.env['TZ']
  else process.env['TZ'] = before
})
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/St_Johns',
  'Asia/Tokyo',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Kiritimati',
  'Africa/Casablanca',
]

describe('a local time', () => {
  it.each([
    ['Europe/Berlin', [2026, 7, 1, '12:00'], '2026-07-01T12:00:00+02:00', 'once'],
    ['Europe/Berlin', [2026, 3, 29, '01:59'], '2026-03-29T01:59:00+01:00', 'once'],
    ['Europe/Berlin', [2026, 3, 29, '02:30'], '2026-03-29T03:30:00+02:00', 'skipped'],
    ['Europe/Berlin', [2026, 3, 29, '03:00'], '2026-03-29T03:00:00+02:00', 'once'],
    ['Europe/Berlin', [2026, 10, 25, '02:30'], '2026-10-25T02:30:00+02:00', 'twice'],
    ['Europe/Berlin', [2026, 10, 25, '03:00'], '2026-10-25T03:00:00+01:00', 'once'],
    ['America/New_York', [2026, 3, 8, '02:15'], '2026-03-08T03:15:00-04:00', 'skipped'],
    ['America/New_York', [2026, 11, 1, '01:30'], '2026-11-01T01:30:00-04:00', 'twice'],
    ['Asia/Tokyo', [2026, 3, 29, '02:30'], '2026-03-29T02:30:00+09:00', 'once'],
    // Clocks there change by half an hour: 2:00 to 2:30 in October, 2:00 back to 1:30 in April.
    ['Australia/Lord_Howe', [2026, 10, 4, '02:10'], '2026-10-04T02:40:00+11:00', 'skipped'],
    ['Australia/Lord_Howe', [2026, 10, 4, '02:30'], '2026-10-04T02:30:00+11:00', 'once'],
    ['Australia/Lord_Howe', [2026, 4, 5, '01:45'], '2026-04-05T01:45:00+11:00', 'twice'],
    // 30 December 2011 was skipped there: the date line was moved.
    ['Pacific/Apia', [2011, 12, 31, '00:00'], '2011-12-31T00:00:00+14:00', 'once'],
  ] as const)('is resolved for %s, %j', (zone, [year, month, day, time], iso, kind) => {
    const [hours = 0, minutes = 0] = time.split(':').map(Number)
    const moment = localMoment(zone, year, month, day, hours * 60 + minutes)
    expect([new Date(moment.atMs).toISOString(), moment.kind]).toEqual([
      new Date(iso).toISOString(),
      kind,
    ])
  })
  it.each(ZONES)('of %s equals that of a runtime in this zone', (zone) => {
    process.env['TZ'] = zone
    // The runtime may report an older name of the zone.
    expect(showsSameTime(ownTimeZone(), zone, 0)).toBe(true)
    for (let day = 1; day <= 366; day++)
      for (const minutes of [0, 90, 105, 130, 150, 180, 720, 1_439]) {
        const { atMs } = localMoment(zone, 2026, 1, day, minutes)
        expect(atMs).toBe(new Date(2026, 0, day, 0, minutes).getTime())
        const at = new Date(atMs)
        expect(localDay(zone, atMs)).toEqual({
          year: at.getFullYear(),
          month: at.getMonth() + 1,
          day: at.getDate(),
          weekday: at.getDay(),
          minutes: at.getHours() * 60 + at.getMinutes(),
        })
      }
  })
})

describe('a time zone', () => {
  it.each(['Europe/Berlin', 'UTC', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires'])(
    'is valid: %s',
    (name) => expect(isTimeZone(name)).toBe(true),
  )
  it.each([
    '',
    'Mars/Olympus',
    '+09:00',
    'UTC+9',
    'Europe/../Berlin',
    'a'.repeat(65),
    'local',
    'Europe/Berlin ',
  ])('is invalid: %j', (name) => expect(isTimeZone(name)).toBe(false))
  it('shows the same time as another one only if they agree all year', () => {
    const nowMs = Date.parse('2026-01-15T00:00:00Z')
    expect(showsSameTime('Europe/Berlin', 'Europe/Paris', nowMs)).toBe(true)
    expect(showsSameTime('Europe/Berlin', 'Africa/Lagos', nowMs)).toBe(false)
    expect(showsSameTime('UTC', 'Europe/London', nowMs)).toBe(false)
  })
  it('is described by its offset', () => {
    const atMs = Date.parse('2026-07-01T00:00:00Z')
    expect(
      ['Asia/Tokyo', 'America/St_Johns', 'UTC', 'Asia/Kathmandu'].map((z) =>
        offsetInWords(z, atMs),
      ),
    ).toEqual(['UTC+09:00', 'UTC−02:30', 'UTC+00:00', 'UTC+05:45'])
  })
})
