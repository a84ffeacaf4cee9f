/** Local times of IANA time zones, from the rules that the runtime brings along (Intl). Pure but for the runtime's own zone. */

const QUARTER_MS = 15 * 60_000
/** Offsets remembered per zone; a year has some 35,000 quarters of an hour. */
const OFFSETS_LIMIT = 5_000

type Zone = { format: Intl.DateTimeFormat; offsets: Map<number, number> }
const zones = new Map<string, Zone | null>()
const ZONES_LIMIT = 1_000

function zoneOf(name: string): Zone | null {
  const known = zones.get(name)
  if (known !== undefined) return known
  let zone: Zone | null = null
  try {
    // Offsets such as +09:00 are no zones: they do not know when clocks change.
    if (/^[A-Za-z][\w+/-]{0,63}$/.test(name))
      zone = {
        format: new Intl.DateTimeFormat('en-US', {
          timeZone: name,
          hourCycle: 'h23',
          year: 'numeric',
          month: 'numeric',
          day: 'numeric',
          hour: 'numeric',
          minute: 'numeric',
          second: 'numeric',
        }),
        offsets: new Map(),
      }
  } catch {
    // This runtime does not know it.
  }
  if (zones.size >= ZONES_LIMIT) zones.clear()
  zones.set(name, zone)
  return zone
}

/** Whether this runtime knows a zone of that name. */
export const isTimeZone = (name: string): boolean => zoneOf(name) !== null

/** The zone of this computer, as its runtime sees it. */
export const ownTimeZone = (): string => {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
  return isTimeZone(timeZone) ? timeZone : 'UTC'
}

/** By how much local time is ahead of UTC at that moment, in ms. A zone that is not known here: 0, as in UTC. */
export function offsetAt(name: string, epochMs: number): number {
  const zone = zoneOf(name)
  if (!zone) return 0
  // Clocks change at whole quarters of an hour only.
  const quarter = Math.floor(epochMs / QUARTER_MS)
  const known = zone.offsets.get(quarter)
  if (known !== undefined) return known
  const atMs = quarter * QUARTER_MS
  const parts: Record<string, number> = {}
  for (const { type, value } of zone.format.formatToParts(atMs)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  const offsetMs = Date.UTC(year, month - 1, day, hour, minute, second) - atMs
  if (zone.offsets.size >= OFFSETS_LIMIT) zone.offsets.clear()
  zone.offsets.set(quarter, offsetMs)
  return offsetMs
}

/** Day and weekday (0 is Sunday) of a moment there, and the minutes since its midnight by the clock. */
export function localDay(
  name: string,
  epochMs: number,
): { year: number; month: number; day: number; weekday: number; minutes: number } {
  const at = new Date(epochMs + offsetAt(name, epochMs))
  return {
    year: at.getUTCFullYear(),
    month: at.getUTCMonth() + 1,
    day: at.getUTCDate(),
    weekday: at.getUTCDay(),
    minutes: at.getUTCHours() * 60 + at.getUTCMinutes(),
  }
}

export type LocalMoment = {
  atMs: number
  /** `skipped`: the clocks go past this time that day; `twice`: they show it two times, and this is the first. */
  kind: 'once' | 'skipped' | 'twice'
}

/**
 * The moment at which clocks there show this time. One that they skip counts as if they had not gone forward yet (02:30 is
 * then shown as 03:30), as browsers and Node do it. @param day may exceed its month, as in `Date.UTC`
 */
export function localMoment(
  name: string,
  year: number,
  month: number,
  day: number,
  minutes: number,
): LocalMoment {
  const shownMs = Date.UTC(year, month - 1, day, 0, minutes)
  // The moment itself lies within 14 hours of this; no zone changes its clocks twice within two days.
  const before = offsetAt(name, shownMs - 24 * 3_600_000)
  const after = offsetAt(name, shownMs + 24 * 3_600_000)
  const fits = [...new Set([before, after])].filter(
    (offsetMs) => offsetAt(name, shownMs - offsetMs) === offsetMs,
  )
  const [offsetMs] = fits
  if (offsetMs === undefined) return { atMs: shownMs - before, kind: 'skipped' }
  return { atMs: shownMs - offsetMs, kind: fits.length > 1 ? 'twice' : 'once' }
}

/** Whether clocks of both zones show the same all through the coming year. */
export function showsSameTime(a: string, b: string, nowMs: number): boolean {
  if (a === b) return true
  for (let week = 0; week <= 52; week++) {
    const atMs = nowMs + week * 7 * 24 * 3_600_000
    if (offsetAt(a, atMs) !== offsetAt(b, atMs)) return false
  }
  return true
}

/** UTC+09:00 */
export function offsetInWords(name: string, epochMs: number): string {
  const minutes = Math.round(offsetAt(name, epochMs) / 60_000)
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0')
  return `UTC${minutes < 0 ? '−' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`
}

/** As people read it: "Asia/Tokyo", "America/New York". */
export const zoneInWords = (name: string): string => name.replaceAll('_', ' ')
