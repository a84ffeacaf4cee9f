/** How fast bytes move, from readings that come in at odd moments. */

export type SpeedMeter = {
  /** A new reading: bytes so far, at a moment in ms. A lower count (a new attempt) starts over. */
  read: (bytes: number, atMs: number) => void
  /** Bytes a second now, or null while unknown or when nothing has moved for a while. */
  speed: (nowMs: number) => number | null
}

/**
 * An exponentially weighted mean: readings older than `halfLifeMs` count half. Readings closer than 200 ms are
 * taken together, so that bursts do not make it jump; after `idleMs` without one the speed is unknown.
 */
export function createSpeedMeter(halfLifeMs = 2_500, idleMs = 5_000): SpeedMeter {
  let last: { bytes: number; atMs: number } | null = null
  let mean: number | null = null
  return {
    read(bytes, atMs) {
      if (!last || bytes < last.bytes) {
        last = { bytes, atMs }
        mean = null
        return
      }
      const spanMs = atMs - last.atMs
      if (spanMs < 200) return
      const sample = ((bytes - last.bytes) * 1000) / spanMs
      const weight = 1 - 0.5 ** (spanMs / halfLifeMs)
      mean = mean === null ? sample : mean + (sample - mean) * weight
      last = { bytes, atMs }
    },
    speed: (nowMs) => (last && mean !== null && nowMs - last.atMs <= idleMs ? mean : null),
  }
}
