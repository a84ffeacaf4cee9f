/** Transfer speed from readings at irregular times. */

export type SpeedMeter = {
  /** Adds a reading: bytes so far, at a time in ms. A lower count (a new attempt) starts over. */
  read: (bytes: number, atMs: number) => void
  /** The current speed in bytes per second; null while unknown or after a while without progress. */
  speed: (nowMs: number) => number | null
}

/**
 * An exponentially weighted mean: readings older than `halfLifeMs` have half the weight. Readings closer than 200 ms are
 * merged, so that bursts do not make it jump; after `idleMs` without a reading the speed is unknown.
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
