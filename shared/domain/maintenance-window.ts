/**
 * When a deployment may start targets: on these days, from one time of day to another, in the local time of whoever asks.
 * What runs when the window closes goes on; nothing new starts.
 */
import { z } from 'zod'

/** Minutes of a day from a text such as 22:30. */
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
    /** No target starts at this time or later. Before `start` it means the next day. */
    end: TimeOfDay,
  })
  .refine((w) => w.start !== w.end, { path: ['end'], message: 'must differ from start' })
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>

/** How long it is open at a time, where no clock is changed. */
export function windowMinutes({ start, end }: MaintenanceWindow): number {
  const minutes = minutesOf(end) - minutesOf(start)
  return minutes > 0 ? minutes : minutes + 24 * 60
}

const DAYS_AHEAD = 8

/** The local time of day on the day `offset` days after `day`. A time that a clock change leaves out is the moment after it. */
function localTime(day: Date, offset: number, minutes: number): number {
  return new Date(
    day.getFullYear(),
    day.getMonth(),
    day.getDate() + offset,
    Math.floor(minutes / 60),
    minutes % 60,
  ).getTime()
}

/**
 * Whether the window is open at `nowMs`, and when that changes next (epoch ms).
 * Right across clock changes: the edges are times of day, not lengths.
 */
export function windowAt(
  window: MaintenanceWindow,
  nowMs: number,
): { isOpen: boolean; changesAtMs: number } {
  const today = new Date(nowMs)
  const [start, end] = [minutesOf(window.start), minutesOf(window.end)]
  let nextMs = Infinity
  // From yesterday on: a window that opened then may last into today.
  for (let offset = -1; offset <= DAYS_AHEAD; offset++) {
    const opensMs = localTime(today, offset, start)
    const closesMs = localTime(today, end <= start ? offset + 1 : offset, end)
    const weekday = new Date(
      today.getFullYear(),
      today.getMonth(),
      today.getDate() + offset,
    ).getDay()
    if (!window.days.includes(weekday)) continue
    if (nowMs >= opensMs && nowMs < closesMs) return { isOpen: true, changesAtMs: closesMs }
    if (opensMs > nowMs) nextMs = Math.min(nextMs, opensMs)
  }
  return { isOpen: false, changesAtMs: nextMs }
}

const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const

/** In words: "Mon to Fri, 22:00 to 05:00". */
export function windowInWords(window: MaintenanceWindow): string {
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
