/** Local times in IANA time zones, by the runtime's own rules (Intl). Pure except for the runtime's own zone. */

const QUARTER_MS = 15 * 60_000
/** Cached offsets per zone; a year has about 35,000 quarters of an hour. */
const OFFSETS_LIMIT = 5_000

type Zone = { format: Intl.DateTimeFormat; offsets: Map<number, number> }
const zones = new Map<string, Zone | null>()
const ZONES_LIMIT = 1_000

function zoneOf(name: string): Zone | null {
  const known = zones.get(name)
  if (known !== undefined) return known
  let zone: Zone | null = null
  try {
    // Offsets such as +09:00 are not zones: they have no clock changes.
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
    // Unknown to this runtime.
  }
  if (zones.size >= ZONES_LIMIT) zones.clear()
  zones.set(name, zone)
  return zone
}

/** Whether this runtime knows the zone. */
export const isTimeZone = (name: string): boolean => zoneOf(name) !== null

/** The zone of this computer according to its runtime. */
export const ownTimeZone = (): string => {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
  return isTimeZone(timeZone) ? timeZone : 'UTC'
}

/** How far local time is ahead of UTC at that moment, in ms. 0 for an unknown zone. */
export function offsetAt(name: string, epochMs: number): number {
  const zone = zoneOf(name)
  if (!zone) return 0
  // Clocks change only at whole quarters of an hour.
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

/** Local day and weekday (0 is Sunday) of a moment, and minutes since midnight by the local clock. */
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
  /** `skipped`: the clocks skip this time that day; `twice`: it occurs twice, and this is the first. */
  kind: 'once' | 'skipped' | 'twice'
}

/**
 * The moment at which local clocks show this time. A skipped time counts as if the clocks had not changed yet (02:30 becomes
 * 03:30), as in browsers and Node. @param day may exceed its month, as in `Date.UTC`
 */
export function localMoment(
  name: string,
  year: number,
  month: number,
  day: number,
  minutes: number,
): LocalMoment {
  const shownMs = Date.UTC(year, month - 1, day, 0, minutes)
  // The moment is within 14 hours of this, and no zone changes its clocks twice within two days.
  const before = offsetAt(name, shownMs - 24 * 3_600_000)
  const after = offsetAt(name, shownMs + 24 * 3_600_000)
  const fits = [...new Set([before, after])].filter(
    (offsetMs) => offsetAt(name, shownMs - offsetMs) === offsetMs,
  )
  const [offsetMs] = fits
  if (offsetMs === undefined) return { atMs: shownMs - before, kind: 'skipped' }
  return { atMs: shownMs - offsetMs, kind: fits.length > 1 ? 'twice' : 'once' }
}

/** Whether the clocks of both zones agree throughout the coming year. */
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

/** For display: "Asia/Tokyo", "America/New York". */
export const zoneInWords = (name: string): string => name.replaceAll('_', ' ')
