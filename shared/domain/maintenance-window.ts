/**
 * When a deployment may start targets: on these days, from one time of day to another, in the window's own time zone.
 * When the window closes, running targets continue and nothing new starts.
 */
import { z } from 'zod'
import {
  isTimeZone,
  localDay,
  localMoment,
  ownTimeZone,
  showsSameTime,
  zoneInWords,
} from './time-zone.ts'

/** Minutes since midnight of a text such as 22:30. */
const minutesOf = (text: string): number => {
  const [hours, minutes] = text.split(':').map(Number) as [number, number]
  return hours * 60 + minutes
}
const TimeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 22:30')

export const MaintenanceWindow = z
  .object({
    /** Days on which it opens: 0 is Sunday, 6 Saturday. Left out: every day. */
    days: z
      .array(z.number().int().min(0).max(6))
      .min(1, 'must name at least one day')
      .max(7)
      .default([0, 1, 2, 3, 4, 5, 6]),
    /** It opens at this time. */
    start: TimeOfDay,
    /** No target starts at or after this time. If it is before `start`, it is on the next day. */
    end: TimeOfDay,
    /** IANA name of the time zone, such as Europe/Berlin. Left out: the controller's. */
    time_zone: z
      .string()
      .max(64)
      .refine(isTimeZone, 'must be the name of a time zone such as Europe/Berlin')
      .optional(),
  })
  .refine((w) => w.start !== w.end, { path: ['end'], message: 'must differ from start' })
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>

/** Minutes from opening to closing, without a clock change. */
export function windowMinutes({ start, end }: MaintenanceWindow): number {
  const minutes = minutesOf(end) - minutesOf(start)
  return minutes > 0 ? minutes : minutes + 24 * 60
}

/** Two weeks and a day: a clock change may skip one opening. */
const DAYS_AHEAD = 15

/** The window's zone; the runtime's own zone if it is unknown here, because the runtime's rules are older. */
const zoneOf = ({ time_zone }: Pick<MaintenanceWindow, 'time_zone'>): string =>
  time_zone !== undefined && isTimeZone(time_zone) ? time_zone : ownTimeZone()

/**
 * Whether the window is open at `nowMs`, and when that changes next (epoch ms).
 * Correct across clock changes: the edges are times of day, not durations. A time that the clocks skip counts as if they had not
 * changed yet; of a time that occurs twice, the first one counts.
 */
export function windowAt(
  window: MaintenanceWindow,
  nowMs: number,
): { isOpen: boolean; changesAtMs: number } {
  const zone = zoneOf(window)
  const { year, month, day, weekday } = localDay(zone, nowMs)
  const [start, end] = [minutesOf(window.start), minutesOf(window.end)]
  let nextMs = Infinity
  // From yesterday on: a window that opened then may last into today.
  for (let offset = -1; offset <= DAYS_AHEAD; offset++) {
    if (!window.days.includes((weekday + offset + 7) % 7)) continue
    const opensMs = localMoment(zone, year, month, day + offset, start).atMs
    const closesMs = localMoment(zone, year, month, day + offset + (end <= start ? 1 : 0), end).atMs
    if (nowMs >= opensMs && nowMs < closesMs) return { isOpen: true, changesAtMs: closesMs }
    // If both times are skipped, the window does not open that day.
    if (opensMs > nowMs && closesMs > opensMs) {
      nextMs = opensMs
      break
    }
  }
  return { isOpen: false, changesAtMs: nextMs }
}

export type OddEdge = { edge: 'start' | 'end'; kind: 'skipped' | 'twice'; atMs: number }
/** The next edge of the window that falls into a clock change, within about two weeks. */
export function oddEdgeOf(window: MaintenanceWindow, nowMs: number): OddEdge | null {
  const zone = zoneOf(window)
  const { year, month, day, weekday } = localDay(zone, nowMs)
  const [start, end] = [minutesOf(window.start), minutesOf(window.end)]
  for (let offset = -1; offset <= DAYS_AHEAD; offset++) {
    if (!window.days.includes((weekday + offset + 7) % 7)) continue
    for (const [edge, minutes, plus] of [
      ['start', start, 0],
      ['end', end, end <= start ? 1 : 0],
    ] as const) {
      const { atMs, kind } = localMoment(zone, year, month, day + offset + plus, minutes)
      if (kind !== 'once' && atMs > nowMs) return { edge, kind, atMs }
    }
  }
  return null
}

const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const

/**
 * As text: "Mon to Fri, 22:00 to 05:00", with its zone if the reader's clocks show another time:
 * "Mon to Fri, 22:00 to 05:00 (Asia/Tokyo)".
 * @param reader null: always with the zone
 */
export function windowInWords(
  window: MaintenanceWindow,
  reader: { zone: string; nowMs: number } | null,
): string {
  const { time_zone: zone } = window
  const isKnown = zone === undefined || (reader && showsSameTime(zone, reader.zone, reader.nowMs))
  return isKnown ? daysAndTimes(window) : `${daysAndTimes(window)} (${zoneInWords(zone)})`
}
function daysAndTimes(window: MaintenanceWindow): string {
  const days = [...new Set(window.days)].sort((a, b) => ((a + 6) % 7) - ((b + 6) % 7))
  const time = `${window.start} to ${window.end}`
  if (days.length === 7) return `every day, ${time}`
  const isRun = days.every((day, i) => i === 0 || (day + 6) % 7 === ((days[i - 1]! + 6) % 7) + 1)
  const first = DAY_NAMES[days[0]!]
  const text =
    days.length > 2 && isRun
      ? `${first} to ${DAY_NAMES[days.at(-1)!]}`
      : days.map((day) => DAY_NAMES[day]).join(', ')
  return `${text}, ${time}`
}
