/** Number and time formats of the console. Sizes in bytes, durations in milliseconds, times as ISO text. */

import { formatCount } from './count.ts'
import { t } from '../texts.ts'

export { formatCount }

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** 1536 → "1.5 KiB": three significant digits, binary units. */
export function formatBytes(sizeBytes: number): string {
  if (!Number.isFinite(sizeBytes) || sizeBytes < 0) return '–'
  let value = sizeBytes
  let unit = 0
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${trimZeros(value.toFixed(digits))} ${UNITS[unit]}`
}

const trimZeros = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

/** "1.3 of 4.1 GiB": the unit is shown once when both share it. */
export function formatBytesOf(doneBytes: number, totalBytes: number): string {
  const [done, total] = [formatBytes(Math.min(doneBytes, totalBytes)), formatBytes(totalBytes)]
  const [doneValue, doneUnit] = done.split(' ')
  return doneUnit === total.split(' ')[1]
    ? t('format.of', { done: doneValue!, total })
    : t('format.of', { done, total })
}

/** Bytes per second → "11 MiB/s". */
export const formatSpeed = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`

/** A running clock: 41 s → "0:41", 3,700 s → "1:01:40". */
export function formatClock(spanMs: number): string {
  const seconds = Math.max(0, Math.floor(spanMs / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A duration in its two largest units: "8 min", "2 h 5 min", "3 d 4 h". */
export function formatSpan(spanMs: number): string {
  const seconds = Math.max(0, Math.round(spanMs / 1000))
  if (seconds < 60) return t('format.seconds', { seconds })
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return t('format.minutes', { minutes })
  const hours = Math.floor(minutes / 60)
  if (hours < 24)
    return minutes % 60 === 0
      ? t('format.hours', { hours })
      : t('format.hoursAndMinutes', { hours, minutes: minutes % 60 })
  const days = Math.floor(hours / 24)
  return hours % 24 === 0
    ? t('format.days', { days })
    : t('format.daysAndHours', { days, hours: hours % 24 })
}

/** The remaining time at this speed, rounded so that it does not jump: "8 min left". Null if it cannot be estimated. */
export function formatTimeLeft(leftBytes: number, bytesPerSecond: number | null): string | null {
  if (bytesPerSecond === null || bytesPerSecond <= 0) return null
  const seconds = leftBytes / bytesPerSecond
  if (seconds > 7 * 86_400) return null
  if (seconds < 5) return t('format.fewSecondsLeft')
  if (seconds < 60)
    return t('format.left', { time: t('format.seconds', { seconds: Math.ceil(seconds / 5) * 5 }) })
  return t('format.left', { time: formatSpan(Math.ceil(seconds / 60) * 60_000) })
}

const WEEKDAYS = (['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const).map((day) =>
  t(`format.weekdays.${day}`),
)
const MONTHS = (
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] as const
).map((month) => t(`format.months.${month}`))

/** "3 Oct", "3 Oct 2025": without the year if it is the present one. */
function formatDate(at: Date, now: Date): string {
  const date = { day: at.getDate(), month: MONTHS[at.getMonth()]! }
  return at.getFullYear() === now.getFullYear()
    ? t('format.date', date)
    : t('format.dateWithYear', { ...date, year: at.getFullYear() })
}

/** "just now", "5 min ago", "2 h ago", "Mon", "3 Oct", "3 Oct 2025": local time. A future time reads "in 5 min". */
export function formatRelative(iso: string, nowMs: number): string {
  const at = new Date(iso)
  const ago = nowMs - at.getTime()
  if (ago < -30_000) return t('format.in', { time: formatSpan(-ago) })
  if (ago < 45_000) return t('format.justNow')
  if (ago < 3_570_000) return t('format.minutesAgo', { count: Math.round(ago / 60_000) })
  if (ago < 86_400_000)
    return t('format.hoursAgo', { count: Math.max(1, Math.round(ago / 3_600_000)) })
  if (ago < 6 * 86_400_000) return WEEKDAYS[at.getDay()]!
  return formatDate(at, new Date(nowMs))
}

/** The exact local time: "2026-11-23 10:42:07". */
export function formatExact(iso: string): string {
  const at = new Date(iso)
  const two = (n: number) => String(n).padStart(2, '0')
  return (
    `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  )
}

/** The local time of day: "22:00". */
export function formatClockTime(atMs: number): string {
  const at = new Date(atMs)
  return `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`
}

/** Whether both times are on the same local day. */
export const isToday = (atMs: number, nowMs: number): boolean =>
  new Date(atMs).toDateString() === new Date(nowMs).toDateString()

/** The local day, with names for near ones: "today", "tomorrow", "Wed 25 Nov", "Fri 1 Jan 2027". */
export function formatDay(atMs: number, nowMs: number): string {
  const [at, now] = [new Date(atMs), new Date(nowMs)]
  const midnight = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()
  // Rounded, because a day with a clock change has 23 or 25 hours.
  const days = Math.round((midnight(at) - midnight(now)) / 86_400_000)
  if (days === 0) return t('format.today')
  if (days === 1) return t('format.tomorrow')
  return t('format.weekdayAndDate', {
    weekday: WEEKDAYS[at.getDay()]!,
    date: formatDate(at, now),
  })
}

/** 0…1 → "62%"; 100 only when complete, 0 only before the start. */
export function formatPercent(fraction: number): string {
  if (!(fraction > 0)) return '0%'
  if (fraction >= 1) return '100%'
  return `${Math.min(99, Math.max(1, Math.round(fraction * 100)))}%`
}
